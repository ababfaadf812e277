/* test_elf_file.c - this very program, whole, cut short, and with its bytes turned over. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/elf_file.h"
#include "base/memory.h"
#include "base/str.h"
#include "unit.h"

static char *image;
static size_t image_len;

static void load_image(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    struct stat info;
    ck_assert_int_eq(fstat(fd, &info), 0);
    image_len = (size_t)info.st_size;
    image = memory_alloc(image_len);
    ck_assert_int_eq(pread(fd, image, image_len, 0), (ssize_t)image_len);
    close(fd);
}

/* Reads the first `len` bytes of the image as a file. */
static int read_image(size_t len, struct elf_facts *out_facts, struct arena *arena)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, image, len), (ssize_t)len);
    int r = elf_file_read(fd, arena, out_facts);
    close(fd);
    return r;
}

static int judge(size_t len)
{
    struct elf_facts facts;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    int r = read_image(len, &facts, &arena);
    arena_finish(&arena);
    return r;
}

START_TEST(reads_facts)
{
    struct elf_facts facts;
    struct arena arena;
    bool has_libc = false;
    arena_init(&arena, NULL, 0);
    load_image();
    ck_assert_int_eq(read_image(image_len, &facts, &arena), 0);
    for (size_t i = 0; i < facts.needed_count; i++)
        has_libc |= str_equals(facts.needed[i], STR("libc.so.6"));
    ck_assert(has_libc);
    ck_assert_uint_eq(facts.soname.len, 0);
    arena_finish(&arena);
    free(image);
}
END_TEST

START_TEST(sees_every_cut)
{
    load_image();
    for (size_t len = 0; len < sizeof(Elf64_Ehdr); len++)
        ck_assert_int_eq(judge(len), len < EI_NIDENT ? -ENOEXEC : -ENODATA);
    for (size_t len = sizeof(Elf64_Ehdr); len < image_len; len += image_len / 97 + 1)
        ck_assert_int_eq(judge(len), -ENODATA);
    ck_assert_int_eq(judge(image_len - 1), -ENODATA);
    free(image);
}
END_TEST

/* Nothing is promised but that it returns, and what it returns. */
START_TEST(survives_nonsense)
{
    load_image();
    Elf64_Ehdr head;
    memcpy(&head, image, sizeof(head));
    size_t most = head.e_phoff + (size_t)head.e_phnum * head.e_phentsize;
    for (size_t i = 0; i < most; i++) {
        for (int pattern = 0; pattern < 3; pattern++) {
            char was = image[i];
            image[i] = (char)(pattern == 0 ? 0xFF : pattern == 1 ? 0x80 : was ^ 1);
            int r = judge(image_len);
            ck_assert(r == 0 || r == -ENOEXEC || r == -ENODATA);
            image[i] = was;
        }
    }
    free(image);
}
END_TEST

START_TEST(refuses_what_is_no_elf)
{
    static char text[] = "#include <gale/gale.h> and some more of it than a head is long "
                         "0123456789";
    image = text;
    ck_assert_int_eq(judge(sizeof(text)), -ENOEXEC);
    ck_assert_int_eq(judge(0), -ENOEXEC);
}
END_TEST

UNIT_MAIN(reads_facts, sees_every_cut, survives_nonsense, refuses_what_is_no_elf)
