/* pairs.c -- the grammar of LFW's pairs.txt, and where its images lie.
 *
 *   10 <TAB> 300                                     10 sets of 300 + 300 pairs
 *   Abel_Pacheco <TAB> 1 <TAB> 4                     300 lines: one person, two images
 *   Abdel_Madi <TAB> 5 <TAB> Dean_Barker <TAB> 1     300 lines: two people
 *   ...
 *
 * (Huang et al. 2007; README of the data set). A pair that contradicts its own kind -- an
 * image with itself, a person "different" from himself -- is refused: it flatters or spoils
 * the figure without a trace. */
#include "eval/pairs.h"

#include "core/digest.h"
#include "core/file.h"
#include "core/mem.h"
#include "eval/verification.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_FIELDS = 4,
    MAX_NAME = 200,
    MAX_NUMBER = 999999,
    MAX_PAIRS = 1000000, /* of one kind in one set */
    MAX_FILE = 64 << 20,
    LEAST_LINE = 6, /* bytes: a 1 2 */
    PATH_BYTES = 2 * MAX_NAME + 32,
};

typedef struct field {
    const char *text;
    int size, column;
} field;

typedef struct reader {
    const char *file, *at, *end;
    int line, n; /* of the current line: its number, its fields */
    field field[MAX_FIELDS];
    int each;               /* pairs of one kind in one set, by the header */
    int *table, table_size; /* paths by hash; -1: free. The size is a power of two */
} reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next line apart. */
static fn_status next_line(reader *r)
{
    const char *start = r->at, *c = start;
    const char *newline = memchr(start, '\n', (size_t)(r->end - start));
    const char *stop = newline ? newline : r->end;
    r->at = newline ? newline + 1 : r->end;
    r->line++;
    r->n = 0;
    if (stop > start && stop[-1] == '\r')
        stop--;
    while (c < stop) {
        const char *word = c, *gap;
        while (c < stop && !is_blank(*c))
            c++;
        for (gap = c; c < stop && is_blank(*c);)
            c++;
        if (gap == word || (c == stop && c > gap))
            return fn_fail(FN_EDATA, "%s:%d:%d: a blank at the %s of the line: remove it",
                           r->file, r->line, (int)(gap - start) + 1,
                           gap == start ? "start" : "end");
        if (r->n < MAX_FIELDS)
            r->field[r->n] = (field){word, (int)(gap - word), (int)(word - start) + 1};
        r->n++;
    }
    return FN_OK;
}

static fn_status read_number(const reader *r, int k, int max, int *out)
{
    const field *f = &r->field[k];
    int v = 0;
    bool ok = f->text[0] != '0';
    for (int i = 0; i < f->size && ok; i++) {
        ok = f->text[i] >= '0' && f->text[i] <= '9';
        v = ok ? v * 10 + (f->text[i] - '0') : v;
        ok = ok && v <= max;
    }
    *out = v;
    return ok ? FN_OK
              : fn_fail(
                    FN_EDATA, "%s:%d:%d: expected a whole number from 1 to %d, got '%.*s'",
                    r->file, r->line, f->column, max, f->size < 40 ? f->size : 40, f->text);
}

/* A name becomes a folder's name, so it must not lead out of the images' folder. */
static fn_status read_name(const reader *r, int k, char name[MAX_NAME + 1])
{
    const field *f = &r->field[k];
    if (f->size > MAX_NAME)
        return fn_fail(FN_EDATA, "%s:%d:%d: a name of %d bytes; at most %d are allowed",
                       r->file, r->line, f->column, f->size, MAX_NAME);
    for (int i = 0; i < f->size; i++) {
        unsigned char c = (unsigned char)f->text[i];
        if (c <= ' ' || c == 0x7f || c == '/' || (i == 0 && c == '.'))
            return fn_fail(FN_EDATA,
                           "%s:%d:%d: byte 0x%02x does not belong in a person's name",
                           r->file, r->line, f->column + i, c);
    }
    memcpy(name, f->text, (size_t)f->size);
    name[f->size] = '\0';
    return FN_OK;
}

/* FNV-1a */
static uint32_t hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

/* The index of an image, given at its first use. */
static fn_status find_image(fn_pairs *p, reader *r, const char *name, int number, int *out)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s_%04d.jpg", name, name, number);
    uint32_t mask = (uint32_t)r->table_size - 1, slot = hash(path) & mask;
    for (; r->table[slot] >= 0; slot = (slot + 1) & mask)
        if (strcmp(p->path[r->table[slot]], path) == 0) {
            *out = r->table[slot];
            return FN_OK;
        }
    size_t size = strlen(path) + 2; /* fn_pairs_locate may write .jpeg */
    p->path[p->n_path] = fn_alloc(size, 1);
    if (!p->path[p->n_path])
        return fn_fail(FN_ENOMEM, "%s: no memory for its names", r->file);
    memcpy(p->path[p->n_path], path, size - 1);
    *out = r->table[slot] = p->n_path++;
    return FN_OK;
}

static fn_status read_image(fn_pairs *p, reader *r, int k_name, int k_number, int *out)
{
    char name[MAX_NAME + 1];
    int number;
    FN_TRY(read_name(r, k_name, name));
    FN_TRY(read_number(r, k_number, MAX_NUMBER, &number));
    return find_image(p, r, name, number, out);
}

static bool equal(const field *a, const field *b)
{
    return a->size == b->size && memcmp(a->text, b->text, (size_t)a->size) == 0;
}

/* `number` is the pair's place among those of its kind, from 1. */
static fn_status read_pair(fn_pairs *p, reader *r, int number, int fold, bool same)
{
    int want = same ? 3 : 4;
    if (r->at == r->end)
        return fn_fail(FN_EDATA, "%s:%d:1: the file ends after %d pairs of the %d promised",
                       r->file, r->line + 1, p->n, 2 * p->folds * r->each);
    FN_TRY(next_line(r));
    if (r->n != want)
        return fn_fail(
            FN_EDATA, "%s:%d:1: expected '%s' (pair %d of %s in set %d), got %d field%s",
            r->file, r->line, same ? "name n1 n2" : "name1 n1 name2 n2", number,
            same ? "one person" : "two people", fold + 1, r->n, r->n == 1 ? "" : "s");
    fn_pair *pair = &p->pair[p->n];
    *pair = (fn_pair){.fold = fold, .same = same};
    FN_TRY(read_image(p, r, 0, 1, &pair->a));
    FN_TRY(read_image(p, r, same ? 0 : 2, same ? 2 : 3, &pair->b));
    if (same && pair->a == pair->b)
        return fn_fail(FN_EDATA, "%s:%d:%d: the image is paired with itself", r->file,
                       r->line, r->field[2].column);
    if (!same && equal(&r->field[0], &r->field[2]))
        return fn_fail(FN_EDATA, "%s:%d:%d: '%.*s' is paired as two different people",
                       r->file, r->line, r->field[2].column, r->field[2].size,
                       r->field[2].text);
    p->n++;
    return FN_OK;
}

static fn_status read_header(fn_pairs *p, reader *r)
{
    if (r->at == r->end)
        return fn_fail(
            FN_EDATA, "%s:1:1: the file is empty; it begins with 'sets n' or 'n'", r->file);
    FN_TRY(next_line(r));
    if (r->n != 1 && r->n != 2)
        return fn_fail(FN_EDATA, "%s:1:1: expected 'sets n' or 'n', got %d fields", r->file,
                       r->n);
    p->folds = 1;
    if (r->n == 2)
        FN_TRY(read_number(r, 0, FN_MAX_FOLDS, &p->folds));
    return read_number(r, r->n - 1, MAX_PAIRS, &r->each);
}

/* Room for what the header promises, but never more than the file can have lines. */
static fn_status allocate(fn_pairs *p, reader *r)
{
    int64_t room = (r->end - r->at) / LEAST_LINE + 1;
    if (room > 2 * (int64_t)p->folds * r->each)
        room = 2 * (int64_t)p->folds * r->each;
    r->table_size = 8;
    while (r->table_size < 4 * room)
        r->table_size *= 2;
    p->pair = fn_alloc((size_t)room, sizeof *p->pair);
    p->path = fn_alloc((size_t)(2 * room), sizeof *p->path);
    r->table = fn_alloc((size_t)r->table_size, sizeof *r->table);
    if (!p->pair || !p->path || !r->table)
        return fn_fail(FN_ENOMEM, "%s: no memory for %lld pairs", r->file, (long long)room);
    for (int i = 0; i < r->table_size; i++)
        r->table[i] = -1;
    return FN_OK;
}

static fn_status read_all(fn_pairs *p, reader *r)
{
    FN_TRY(read_header(p, r));
    FN_TRY(allocate(p, r));
    for (int fold = 0; fold < p->folds; fold++)
        for (int k = 0; k < 2 * r->each; k++)
            FN_TRY(read_pair(p, r, k % r->each + 1, fold, k < r->each));
    if (r->at < r->end)
        return fn_fail(FN_EDATA, "%s:%d:1: text after the %d pairs that line 1 promises",
                       r->file, r->line + 1, p->n);
    return FN_OK;
}

fn_status fn_pairs_read(fn_pairs **out, const char *file)
{
    reader r = {.file = file};
    char *text = NULL;
    size_t size;
    fn_status rc;
    *out = NULL;
    fn_pairs *p = fn_alloc(1, sizeof *p);
    if (!p)
        return fn_fail(FN_ENOMEM, "%s: no memory to read it", file);
    FN_GO(fn_file_read(&text, &size, file, MAX_FILE));
    FN_GO(fn_digest(p->digest, text, size));
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    r.at = text;
    r.end = text + size;
    FN_GO(read_all(p, &r));
    *out = p;
    p = NULL;
out:
    fn_pairs_free(p);
    fn_free(text);
    fn_free(r.table);
    return rc;
}

void fn_pairs_free(fn_pairs *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n_path; i++)
        fn_free(p->path[i]);
    for (int i = 0; i < p->n_absent; i++)
        fn_free(p->absent[i]);
    fn_free(p->absent);
    fn_free(p->path);
    fn_free(p->pair);
    fn_free(p);
}

/* Writes the first extension under which the image exists; the path stays when none does. */
static fn_status settle(char *path, const char *folder, bool *found)
{
    static const char *const extension[] = {".jpg", ".jpeg", ".png"};
    char *dot = strrchr(path, '.');
    *found = false;
    for (int i = 0; i < 3 && !*found; i++) {
        memcpy(dot, extension[i], strlen(extension[i]) + 1);
        char *full = fn_file_join(folder, path);
        if (!full)
            return fn_fail(FN_ENOMEM, "%s: no memory to look for %s", folder, path);
        *found = fn_file_exists(full) && !fn_file_is_folder(full);
        fn_free(full);
    }
    if (!*found)
        memcpy(dot, ".jpg", sizeof ".jpg");
    return FN_OK;
}

fn_status fn_pairs_locate(fn_pairs *p, const char *folder, int **missing, int *n_missing)
{
    *missing = NULL;
    *n_missing = 0;
    if (!fn_file_is_folder(folder))
        return fn_fail(FN_ENOENT, "%s: not a folder; name the one that holds the images",
                       folder);
    int *list = fn_alloc((size_t)p->n_path, sizeof *list), n = 0;
    if (!list)
        return fn_fail(FN_ENOMEM, "%s: no memory to look for %d images", folder, p->n_path);
    for (int i = 0; i < p->n_path; i++) {
        bool found;
        fn_status rc = settle(p->path[i], folder, &found);
        if (rc != FN_OK) {
            fn_free(list);
            return rc;
        }
        if (!found)
            list[n++] = i;
    }
    *missing = list;
    *n_missing = n;
    return FN_OK;
}

void fn_pairs_measure(float *distance, const fn_pairs *p, const float *e, int dim)
{
    for (int i = 0; i < p->n; i++)
        distance[i] = fn_distance(e + (size_t)p->pair[i].a * (size_t)dim,
                                  e + (size_t)p->pair[i].b * (size_t)dim, dim);
}
