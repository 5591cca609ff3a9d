/* pairs_people.c -- whose image is whose: a path's folder is the person. */
#include "core/mem.h"
#include "eval/pairs.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *path;
    size_t length; /* of the folder's name */
    int image;
} entry;

static int compare(const entry *a, const entry *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->path, b->path, shorter);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int by_person(const void *a, const void *b)
{
    return compare(a, b);
}

fn_status fn_pairs_people(int **person, int *n, const fn_pairs *p)
{
    size_t images = (size_t)p->n_path;
    entry *e = fn_alloc(images, sizeof *e);
    int *list = fn_alloc(images, sizeof *list);
    *person = NULL;
    *n = 0;
    if (!e || !list) {
        fn_free(e);
        fn_free(list);
        return fn_fail(FN_ENOMEM, "no memory for the people of %d images", p->n_path);
    }
    for (int i = 0; i < p->n_path; i++)
        e[i] = (entry){p->path[i], strcspn(p->path[i], "/"), i};
    qsort(e, images, sizeof *e, by_person);
    for (int i = 0; i < p->n_path; i++) {
        *n += i == 0 || compare(&e[i - 1], &e[i]) != 0;
        list[e[i].image] = *n - 1;
    }
    fn_free(e);
    *person = list;
    return FN_OK;
}
