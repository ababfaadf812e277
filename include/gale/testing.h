/* gale/testing.h - tests of a plugin: made-up requests in, whole answers out, without a socket.
 *
 *   #include <gale/testing.h>
 *
 *   static void greets_by_name(struct gale_test *t)
 *   {
 *       const struct gale_answer *a = gale_fetch(t, "GET", "/?name=Ann", NULL, NULL);
 *       GALE_EXPECT_INT(t, a->status, 200);
 *       GALE_EXPECT_TEXT(t, a->body.at, "hello, Ann\n");
 *   }
 *
 *   static const struct gale_test_case cases[] = {
 *       GALE_TEST(greets_by_name),
 *       GALE_TESTS_END
 *   };
 *   GALE_TESTS(cases)
 *
 * Built as a plugin is, into a file of its own:  cc -shared -fPIC hello_test.c -o hello_test.so
 * and run with the plugin:                       gale test hello.so hello_test.so
 *
 * Each test is a process of its own, with the plugin opened anew, and runs as a task there: it may
 * call what waits (gale_sleep, ...), and so may what it starts with gale_spawn. A test passes when
 * every expectation held and it returned. */
#pragma once
#include <gale/gale.h>

GALE_BEGIN

/* The version of this interface. It changes only when old tests must be refused. */
#define GALE_TESTING_ABI 1

struct gale_test;

struct gale_test_case {
    const char *name;
    void (*run)(struct gale_test *t);
    const char *settings; /* the plugin's, as in a configuration: "greeting = hi\nlimit = 3" */
    const char *mount;    /* where the plugin stands; NULL: "/" */
};

struct gale_tests {
    uint32_t abi;       /* set by GALE_TESTS */
    uint32_t size;      /* set by GALE_TESTS */
    uint32_t case_size; /* set by GALE_TESTS */
    uint32_t flags;     /* none yet */
    const struct gale_test_case *cases;
};

/* A row: a function, which is its own name; the same with settings, and a mount. */
#define GALE_TEST(function)                                                                        \
    {                                                                                              \
#function, function, 0, 0                                                                  \
    }
#define GALE_TEST_WITH(function, settings)                                                         \
    {                                                                                              \
#function, function, settings, 0                                                           \
    }
#define GALE_TEST_AT(function, mount, settings)                                                    \
    {                                                                                              \
#function, function, settings, mount                                                       \
    }
/* The last row. */
#define GALE_TESTS_END                                                                             \
    {                                                                                              \
        0, 0, 0, 0                                                                                 \
    }

/* Defines the entry point for an array of rows. */
#define GALE_TESTS(rows)                                                                           \
    GALE_C GALE_EXPORT const struct gale_tests *gale_tests_v1(void);                               \
    const struct gale_tests *gale_tests_v1(void)                                                   \
    {                                                                                              \
        static struct gale_tests tests;                                                            \
        tests.abi = GALE_TESTING_ABI;                                                              \
        tests.size = (uint32_t)sizeof(tests);                                                      \
        tests.case_size = (uint32_t)sizeof(struct gale_test_case);                                 \
        tests.cases = rows;                                                                        \
        return &tests;                                                                             \
    }

/* The type of that entry point, named "gale_tests_v1". */
typedef const struct gale_tests *gale_tests_fn(void);

/* ---- asking; everything that is returned lives as long as the test ---- */

struct gale_answer {
    int status;           /* 0: nothing was sent */
    struct gale_str head; /* "Name: value\n" for each field */
    struct gale_str body;
    int is_whole;     /* 0: the connection was cut within it, or the client had gone */
    int is_declined;  /* serve returned GALE_DECLINE: the next app would be asked */
    unsigned flushes; /* how often output left before the end */
};

/* Asks the plugin. `headers` ("Name: value\n" for each) and `body` (a string, with its length as
 * Content-Length) may be NULL. */
GALE_API const struct gale_answer *gale_fetch(struct gale_test *t, const char *method,
                                              const char *target, const char *headers,
                                              const char *body);

/* A request in all its detail. Zeroed fields are off. */
struct gale_fetch {
    const char *method; /* NULL: "GET" */
    const char *target; /* NULL: "/" */
    const char *headers;
    const void *body; /* NULL: none */
    size_t body_len;
    size_t piece;     /* it comes in pieces of so many bytes; 0: as the plugin asks for them */
    int is_chunked;   /* its length is not said */
    int64_t leave_ms; /* the client leaves after so long: the request is cancelled; 0: it stays */
    /* Called each time output leaves, with what has left by then; the client leaves when it returns
     * non-zero. */
    int (*on_output)(void *data, const struct gale_answer *so_far);
    void *data;
};
GALE_API const struct gale_answer *gale_fetch_with(struct gale_test *t,
                                                   const struct gale_fetch *fetch);

/* The value of a header field of the answer, names without case, or fallback. */
GALE_API const char *gale_answer_header(struct gale_test *t, const struct gale_answer *answer,
                                        const char *name, const char *fallback);

/* The plugin's app, for what takes one. */
GALE_API struct gale_app *gale_test_app(struct gale_test *t);

/* ---- expecting: 1 if it holds; else 0, and the test has failed and goes on ---- */

#define GALE_EXPECT(t, condition) gale_expect((t), !!(condition), #condition, __FILE__, __LINE__)
#define GALE_EXPECT_INT(t, got, expected)                                                          \
    gale_expect_int((t), (got), (expected), #got, __FILE__, __LINE__)
/* Strings; NULL is one of its own. */
#define GALE_EXPECT_TEXT(t, got, expected)                                                         \
    gale_expect_text((t), (got), (expected), #got, __FILE__, __LINE__)
#define GALE_EXPECT_CONTAINS(t, got, part)                                                         \
    gale_expect_contains((t), (got), (part), #got, __FILE__, __LINE__)
/* Ends the test, a function that returns nothing, when it does not hold. */
#define GALE_REQUIRE(t, condition)                                                                 \
    do {                                                                                           \
        if (!GALE_EXPECT(t, condition))                                                            \
            return;                                                                                \
    } while (0)

GALE_API int gale_expect(struct gale_test *t, int holds, const char *text, const char *file,
                         int line);
GALE_API int gale_expect_int(struct gale_test *t, int64_t got, int64_t expected, const char *text,
                             const char *file, int line);
GALE_API int gale_expect_text(struct gale_test *t, const char *got, const char *expected,
                              const char *text, const char *file, int line);
GALE_API int gale_expect_contains(struct gale_test *t, const char *got, const char *part,
                                  const char *text, const char *file, int line);
/* Fails the test, with a sentence of its own. */
GALE_API void gale_fail(struct gale_test *t, const char *format, ...) GALE_FORMAT(2, 3);

GALE_END
