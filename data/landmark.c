/* landmark.c -- reads the TAB-separated landmark file of data/crop.h, strictly. */
#include "data/landmark.h"

#include "core/file.h"
#include "core/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1024 * 1024 * 1024, COLUMNS = 12 };

static const char *const header[COLUMNS] = {"path", "side", "lex", "ley", "rex", "rey",
                                            "nx",   "ny",   "lmx", "lmy", "rmx", "rmy"};

struct fn_landmarks {
    char *file, *text;
    fn_landmark *face; /* sorted by path */
    size_t n;
};

/* The place of the reader, for complaints. `line` is cut into fields in place. */
typedef struct reader {
    const char *file;
    char *line, *field[COLUMNS];
    size_t number;
} reader;

static fn_status refuse(const reader *r, const char *at, const char *what)
{
    return fn_fail(FN_EDATA, "%s:%zu:%zu: %s", r->file, r->number,
                   (size_t)(at - r->line) + 1, what);
}

/* Ends the line at *next with '\0', moves *next behind it; false at the end of the text. */
static bool next_line(reader *r, char **next, const char *end)
{
    if (*next >= end)
        return false;
    r->line = *next;
    r->number++;
    char *stop = memchr(r->line, '\n', (size_t)(end - r->line));
    *next = stop ? stop + 1 : r->line + (end - r->line);
    if (!stop)
        stop = *next;
    if (stop > r->line && stop[-1] == '\r')
        stop--;
    *stop = '\0';
    return true;
}

static fn_status cut_fields(reader *r)
{
    char *p = r->line;
    for (int i = 0; i < COLUMNS; i++) {
        r->field[i] = p;
        char *tab = strchr(p, '\t');
        if (i == COLUMNS - 1) {
            if (tab)
                return refuse(r, tab, "more than 12 columns; see docs/formats.md");
        } else if (!tab) {
            return refuse(r, p + strlen(p),
                          "fewer than 12 TAB-separated columns; see docs/formats.md");
        } else {
            *tab = '\0';
            p = tab + 1;
        }
    }
    return FN_OK;
}

static fn_status read_header(reader *r)
{
    FN_TRY(cut_fields(r));
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(r->field[i], header[i]) != 0)
            return refuse(r, r->field[i],
                          "the first line must name the columns: path side lex ley rex rey "
                          "nx ny lmx lmy rmx rmy");
    return FN_OK;
}

static fn_status read_number(float *out, const reader *r, const char *field)
{
    char *end;
    size_t plain = strspn(field, "+-.0123456789eE");
    *out = strtof(field, &end);
    if (!plain || field[plain] || *end || !isfinite(*out))
        return refuse(r, field, "expected a number of pixels");
    return FN_OK;
}

static fn_status read_face(fn_landmark *face, reader *r)
{
    FN_TRY(cut_fields(r));
    face->path = r->field[0];
    if (!*face->path)
        return refuse(r, r->field[0], "the path is empty");
    FN_TRY(read_number(&face->side, r, r->field[1]));
    if (!(face->side > 0))
        return refuse(r, r->field[1], "the side must be above 0");
    for (int i = 0; i < 10; i++)
        FN_TRY(read_number(&face->point[i / 2][i % 2], r, r->field[2 + i]));
    return FN_OK;
}

static size_t count_lines(const char *text, size_t size)
{
    size_t n = 1;
    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    return n;
}

static fn_status read_faces(fn_landmarks *l, size_t size)
{
    reader r = {.file = l->file};
    char *next = l->text;
    const char *nul = memchr(l->text, '\0', size);
    if (nul)
        return fn_fail(FN_EDATA, "%s: a NUL byte at offset %zu: not a text file", l->file,
                       (size_t)(nul - l->text));
    l->face = fn_alloc(count_lines(l->text, size), sizeof *l->face);
    if (!l->face)
        return fn_fail(FN_ENOMEM, "%s: no memory for the landmarks", l->file);
    if (!next_line(&r, &next, l->text + size))
        return fn_fail(FN_EDATA, "%s: the file is empty", l->file);
    FN_TRY(read_header(&r));
    while (next_line(&r, &next, l->text + size))
        FN_TRY(read_face(&l->face[l->n++], &r));
    return FN_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const fn_landmark *)a)->path, ((const fn_landmark *)b)->path);
}

static fn_status sort_faces(fn_landmarks *l)
{
    if (l->n)
        qsort(l->face, l->n, sizeof *l->face, by_path);
    for (size_t i = 1; i < l->n; i++)
        if (by_path(&l->face[i - 1], &l->face[i]) == 0)
            return fn_fail(FN_EDATA, "%s: %s is listed twice; keep one line", l->file,
                           l->face[i].path);
    return FN_OK;
}

fn_status fn_landmark_open(fn_landmarks **out, const char *file)
{
    *out = NULL;
    size_t size;
    fn_status rc = FN_OK;
    fn_landmarks *l = fn_alloc(1, sizeof *l);
    if (!l)
        return fn_fail(FN_ENOMEM, "%s: no memory", file);
    l->file = fn_strdup(file);
    if (!l->file) {
        rc = fn_fail(FN_ENOMEM, "%s: no memory", file);
        goto out;
    }
    FN_GO(fn_file_read(&l->text, &size, file, MAX_FILE));
    FN_GO(read_faces(l, size));
    FN_GO(sort_faces(l));
    *out = l;
    return FN_OK;
out:
    fn_landmark_close(l);
    return rc;
}

void fn_landmark_close(fn_landmarks *l)
{
    if (!l)
        return;
    fn_free(l->file);
    fn_free(l->text);
    fn_free(l->face);
    fn_free(l);
}

const char *fn_landmark_file(const fn_landmarks *l)
{
    return l->file;
}

const fn_landmark *fn_landmark_find(const fn_landmarks *l, const char *path)
{
    fn_landmark key = {.path = path};
    return l->n ? bsearch(&key, l->face, l->n, sizeof *l->face, by_path) : NULL;
}
