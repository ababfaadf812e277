/* Linking, unlinking and walking while members leave. */
#include "unit.h"

#include <string.h>
#include "base/list.h"

struct member {
    char name;
    struct list link;
};

static struct list head;
static struct member members[5];

static void begin(void)
{
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        members[i].name = (char)('a' + i);
        list_init(&members[i].link);
    }
}

static void expect(struct list *list, const char *names)
{
    char forwards[8] = "", backwards[8] = "";
    size_t len = 0;
    list_each (list, link)
        forwards[len++] = container_of(link, struct member, link)->name;
    for (struct list *link = list->prev; link != list; link = link->prev)
        backwards[--len] = container_of(link, struct member, link)->name;
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(forwards, names);
    ck_assert_str_eq(backwards, names);
}

START_TEST(adds_at_both_ends)
{
    begin();
    ck_assert(list_is_empty(&head));
    list_append(&head, &members[1].link);
    list_append(&head, &members[2].link);
    list_prepend(&head, &members[0].link);
    expect(&head, "abc");
    ck_assert(!list_is_empty(&head));
}
END_TEST

START_TEST(removing_twice_is_harmless)
{
    begin();
    for (int i = 0; i < 3; i++)
        list_append(&head, &members[i].link);
    list_remove(&members[1].link);
    list_remove(&members[1].link);
    expect(&head, "ac");
    list_append(&head, &members[1].link);
    expect(&head, "acb");
}
END_TEST

START_TEST(pops_in_order)
{
    begin();
    ck_assert_ptr_null(list_pop(&head));
    for (int i = 0; i < 2; i++)
        list_append(&head, &members[i].link);
    ck_assert_ptr_eq(list_pop(&head), &members[0].link);
    ck_assert(list_is_empty(&members[0].link));
    ck_assert_ptr_eq(list_pop(&head), &members[1].link);
    ck_assert_ptr_null(list_pop(&head));
}
END_TEST

START_TEST(splices_behind)
{
    struct list other;
    begin();
    list_init(&other);
    list_splice(&head, &other);
    expect(&head, "");
    for (int i = 0; i < 5; i++)
        list_append(i < 2 ? &head : &other, &members[i].link);
    list_splice(&head, &other);
    expect(&head, "abcde");
    expect(&other, "");
    list_splice(&other, &head);
    expect(&other, "abcde");
}
END_TEST

START_TEST(the_walked_member_may_leave_and_die)
{
    begin();
    for (int i = 0; i < 5; i++)
        list_append(&head, &members[i].link);
    list_each (&head, link) {
        struct member *member = container_of(link, struct member, link);
        if (member->name == 'b' || member->name == 'e') {
            list_remove(link);
            memset(member, 0xA5, sizeof(*member));
        }
    }
    expect(&head, "acd");
}
END_TEST

UNIT_MAIN(adds_at_both_ends, removing_twice_is_harmless, pops_in_order, splices_behind,
          the_walked_member_may_leave_and_die)
