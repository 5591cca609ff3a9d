/* sick.h -- the small network of tests/nets.h with numbers that are not finite in one place, for
 * the tests of fn_sick_find on each backend. */
#ifndef FN_TESTS_SICK_H
#define FN_TESTS_SICK_H

#include "core/mem.h"
#include "kernels/threads.h"
#include "nn/sick.h"
#include "tests/nets.h"
#include "tests/test.h"

enum { SICK_BATCH = 3, SICK_IMAGES = SICK_BATCH * 19 * 17 * 3, SICK_OUT = SICK_BATCH * 8 };

typedef struct sick {
    fn_graph *g;
    fn_params *p;
    fn_plan *plan;
    float x[SICK_IMAGES], d[SICK_OUT];
    char said[160];
} sick;

static inline void sick_open(sick *s, fn_plan_options o)
{
    fn_threads_set(1);
    CHECK_OK(fn_test_net(&s->g, &s->p, FN_TEST_NET("none"), SICK_BATCH, true));
    MUST(fn_plan_open(&s->plan, s->g, s->p, o));
    fn_test_fill(s->x, SICK_IMAGES, 1);
    fn_test_fill(s->d, SICK_OUT, 2);
}

static inline void sick_close(sick *s)
{
    fn_plan_close(s->plan);
    fn_params_close(s->p);
    fn_graph_close(s->g);
}

/* The first number of a parameter. */
static inline float *sick_weight(sick *s, const char *name)
{
    for (int i = 0; i < s->p->n; i++)
        if (strcmp(s->p->param[i].name, name) == 0)
            return s->p->value + s->p->param[i].offset;
    FN_TEST_FAIL("the network has no parameter '%s'", name);
    return s->p->value;
}

/* What is found, with what lies in s; its sentence says so. */
static inline const char *sick_find(sick *s)
{
    CHECK_OK(fn_plan_load(s->plan));
    CHECK_OK(fn_plan_bring(s->plan, s->x));
    CHECK_OK(fn_sick_find(s->said, sizeof s->said, s->plan, s->d));
    return s->said;
}

static inline void check_sick(fn_plan_options o)
{
    sick s;
    sick_open(&s, o);
    CHECK_TEXT(sick_find(&s), "");
    float *w = sick_weight(&s, "a/1x1/conv/kernel"), keep = *w;
    *w = INFINITY;
    CHECK_TEXT(sick_find(&s), "the weights of a/1x1/conv");
    *w = 3e38F;
    CHECK_TEXT(sick_find(&s), "the output of a/1x1/conv");
    *w = keep;
    s.d[SICK_OUT - 1] = NAN;
    CHECK_TEXT(sick_find(&s), "the gradient of the loss");
    for (int i = 0; i < SICK_OUT; i++)
        s.d[i] = i % 2 ? 3e38F : -3e38F;
    CHECK_TEXT(sick_find(&s), "the gradient of the weights of f/linear");
    CHECK_OK(fn_sick_find(s.said, sizeof s.said, s.plan, NULL));
    CHECK_TEXT(s.said, ""); /* forward alone */
    s.x[SICK_IMAGES - 1] = -INFINITY;
    CHECK_TEXT(sick_find(&s), "the output of one/conv");
    fn_fail_alloc(1);
    CHECK_FAILS(fn_sick_find(s.said, sizeof s.said, s.plan, NULL), FN_ENOMEM, "not finite");
    fn_fail_alloc(0);
    sick_close(&s);
}

#endif
