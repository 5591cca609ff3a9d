#include "kernels/engines.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 16 << 20 }; /* bytes of a file */

typedef struct line {
    char *what, *where;
    fn_engine choice;
    int number; /* of the line in the file; 0: put since */
} line;

struct fn_engines {
    char *path; /* of the file that was opened */
    line *line;
    int n;
};

static line *find(const fn_engines *e, const char *what, const char *where)
{
    for (int i = 0; i < e->n; i++)
        if (strcmp(e->line[i].what, what) == 0 && strcmp(e->line[i].where, where) == 0)
            return &e->line[i];
    return NULL;
}

const fn_engine *fn_engines_find(const fn_engines *e, const char *what, const char *where)
{
    const line *l = find(e, what, where);
    return l ? &l->choice : NULL;
}

int fn_engines_count(const fn_engines *e)
{
    return e->n;
}

const fn_engine *fn_engines_at(const fn_engines *e, int i, const char **what,
                               const char **where)
{
    *what = e->line[i].what;
    *where = e->line[i].where;
    return &e->line[i].choice;
}

void fn_engines_place(char *text, size_t size, const fn_engines *e, const fn_engine *choice)
{
    int number = 0;
    for (int i = 0; i < e->n; i++)
        if (&e->line[i].choice == choice)
            number = e->line[i].number;
    if (number)
        snprintf(text, size, "%s:%d", e->path, number);
    else
        snprintf(text, size, "%s", e->path);
}

static fn_status put(fn_engines *e, const char *what, const char *where,
                     const fn_engine *choice, int number)
{
    line *l = find(e, what, where), *grown;
    if (l) {
        l->choice = *choice;
        l->number = number;
        return FN_OK;
    }
    line fresh = {fn_strdup(what), fn_strdup(where), *choice, number};
    grown = fn_grow(e->line, (size_t)e->n + 1, sizeof *grown);
    if (grown)
        e->line = grown;
    if (!grown || !fresh.what || !fresh.where) {
        fn_free(fresh.what);
        fn_free(fresh.where);
        return fn_fail(FN_ENOMEM, "no memory for another engine: %d are known", e->n);
    }
    e->line[e->n++] = fresh;
    return FN_OK;
}

fn_status fn_engines_put(fn_engines *e, const char *what, const char *where,
                         const fn_engine *choice)
{
    return put(e, what, where, choice, 0);
}

/* --- reading --- */

static bool read_number(char **at, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(*at, &end, 10);
    bool good = end > *at && errno == 0;
    *at = end;
    return good;
}

static bool read_knob(char **at, fn_engine *e)
{
    if (e->n_knob == FN_ENGINE_KNOBS || !read_number(at, &e->knob[e->n_knob].type) ||
        *(*at)++ != '=')
        return false;
    return read_number(at, &e->knob[e->n_knob++].value);
}

/* "41 2=4 13=0" */
static bool read_choice(char *text, fn_engine *e)
{
    *e = (fn_engine){0};
    if (!read_number(&text, &e->id) || e->id < 0)
        return false;
    while (*text == ' ')
        if (!read_knob(&text, e))
            return false;
    return *text == '\0';
}

/* Cuts `text` where `mark` is and returns what comes after it; NULL: it is nowhere. */
static char *cut(char *text, const char *mark)
{
    char *at = strstr(text, mark);
    if (!at)
        return NULL;
    *at = '\0';
    return at + strlen(mark);
}

static fn_status read_line(fn_engines *e, char *what, int number)
{
    fn_engine choice;
    char *engine = cut(what, " -> ");
    char *where = engine ? cut(engine, "; ") : NULL;
    if (*what == '\0' || *what == '#')
        return FN_OK;
    if (!where || !*where || !read_choice(engine, &choice))
        return fn_fail(FN_EDATA,
                       "expected \"WHAT -> ENGINE KNOB=VALUE ...; WHERE\"; delete "
                       "the line, and the engine will be chosen again");
    return put(e, what, where, &choice, number);
}

static fn_status read_lines(fn_engines *e, char *text)
{
    for (int number = 1; text; number++) {
        char *rest = cut(text, "\n");
        fn_status rc = read_line(e, text, number);
        if (rc != FN_OK)
            return fn_context(rc, "%s:%d", e->path, number);
        text = rest;
    }
    return FN_OK;
}

fn_status fn_engines_open(fn_engines **out, const char *path)
{
    char *text = NULL;
    size_t size;
    fn_status rc = FN_OK;
    *out = fn_alloc(1, sizeof **out);
    if (!*out || !((*out)->path = fn_strdup(path)))
        FN_GO(fn_fail(FN_ENOMEM, "%s: no memory for the list of engines", path));
    if (!fn_file_exists(path))
        return FN_OK;
    FN_GO(fn_file_read(&text, &size, path, LARGEST));
    if (strlen(text) != size)
        rc = fn_fail(FN_EDATA, "%s: not a text: it has a zero byte", path);
    else
        rc = read_lines(*out, text);
out:
    fn_free(text);
    if (rc != FN_OK) {
        fn_engines_close(*out);
        *out = NULL;
    }
    return rc;
}

void fn_engines_close(fn_engines *e)
{
    for (int i = 0; e && i < e->n; i++) {
        fn_free(e->line[i].what);
        fn_free(e->line[i].where);
    }
    if (e) {
        fn_free(e->line);
        fn_free(e->path);
    }
    fn_free(e);
}

/* --- the file of a device --- */

void fn_engines_file(char *name, size_t size, const char *device)
{
    size_t n = 0;
    for (; *device && n + sizeof ".txt" + 1 < size; device++)
        if (isalnum((unsigned char)*device))
            name[n++] = (char)tolower((unsigned char)*device);
        else if (n > 0 && name[n - 1] != '-')
            name[n++] = '-';
    n -= n > 0 && name[n - 1] == '-';
    snprintf(name + n, size - n, ".txt");
}

static fn_status join(char **path, const char *folder, const char *name)
{
    *path = fn_file_join(folder, name);
    return *path ? FN_OK
                 : fn_fail(FN_ENOMEM, "%s: no memory for the path of its engines", name);
}

fn_status fn_engines_open_for(fn_engines **out, const char *device)
{
    char name[100], *path, *folder = NULL;
    fn_status rc;
    *out = NULL;
    fn_engines_file(name, sizeof name, device);
    FN_TRY(join(&path, "configs/engines", name));
    if (!fn_file_exists(path)) {
        FN_GO(fn_file_installed(&folder, "share/facenet/engines"));
        fn_free(path);
        path = NULL;
        FN_GO(join(&path, folder ? folder : "", name));
    }
    rc = fn_engines_open(out, path);
out:
    fn_free(folder);
    fn_free(path);
    return rc;
}

/* --- writing --- */

void fn_engine_text(char *text, size_t size, const fn_engine *choice)
{
    size_t at = (size_t)snprintf(text, size, "%lld", (long long)choice->id);
    for (int i = 0; i < choice->n_knob && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, " %lld=%lld",
                               (long long)choice->knob[i].type,
                               (long long)choice->knob[i].value);
}

fn_status fn_engines_save(const fn_engines *e, const char *path)
{
    fn_text t = {0};
    fn_text_put(&t,
                "# What convolutions run on. A line that is deleted is chosen again.\n");
    for (int i = 0; i < e->n; i++) {
        char choice[48 * FN_ENGINE_KNOBS];
        const line *l = &e->line[i];
        fn_engine_text(choice, sizeof choice, &l->choice);
        fn_text_bytes(&t, l->what, strlen(l->what));
        fn_text_put(&t, " -> ");
        fn_text_bytes(&t, choice, strlen(choice));
        fn_text_put(&t, "; ");
        fn_text_bytes(&t, l->where, strlen(l->where));
        fn_text_put(&t, "\n");
    }
    return fn_text_save(&t, path);
}
