#include "train/manifest.h"

#include "core/digest.h"
#include "core/file.h"
#include "core/mem.h"

#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

enum { LARGEST = 1 << 20 }; /* bytes of a manifest that is worth reading */

typedef struct entry {
    char digest[FN_DIGEST_BYTES];
    int64_t bytes;
} entry;

static fn_status measure(entry *e, const char *folder, const char *name)
{
    struct stat st;
    char *path = fn_file_join(folder, name);
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory to check %s", folder, name);
    fn_status rc = stat(path, &st) == 0 ? FN_OK : fn_fail_errno(path, "stat");
    e->bytes = rc == FN_OK ? st.st_size : 0;
    if (rc == FN_OK)
        rc = fn_digest_file(e->digest, path);
    fn_free(path);
    return rc;
}

static fn_status describe(json_t *files, const char *folder, const char *const *name)
{
    for (; *name; name++) {
        entry e;
        FN_TRY(measure(&e, folder, *name));
        json_t *item = json_pack("{s:I, s:s}", "bytes", (json_int_t)e.bytes, "sha256",
                                 e.digest);
        if (json_object_set_new(files, *name, item) != 0)
            return fn_fail(FN_ENOMEM, "%s: no memory for the manifest", folder);
    }
    return FN_OK;
}

fn_status fn_manifest_write(const char *folder, const char *const *name, int64_t step)
{
    json_t *files = json_object();
    json_t *root = json_pack("{s:i, s:I, s:o}", "version", 1, "step", (json_int_t)step,
                             "files", files);
    char *text = NULL;
    fn_status rc;
    if (!root)
        return fn_fail(FN_ENOMEM, "%s: no memory for the manifest", folder);
    FN_GO(describe(files, folder, name));
    text = json_dumps(root, JSON_INDENT(2));
    rc = text ? fn_file_replace_in(folder, "manifest.json", text, strlen(text))
              : fn_fail(FN_ENOMEM, "%s: no memory for the manifest", folder);
out:
    free(text);
    json_decref(root);
    return rc;
}

static fn_status compare(const json_t *files, const char *folder, const char *const *name)
{
    for (; *name; name++) {
        entry e;
        const json_t *item = json_object_get(files, *name);
        const char *digest = json_string_value(json_object_get(item, "sha256"));
        FN_TRY(measure(&e, folder, *name));
        if (!digest || strcmp(digest, e.digest) != 0 ||
            json_integer_value(json_object_get(item, "bytes")) != e.bytes)
            return fn_fail(FN_EDATA, "%s/%s: differs from its manifest (damaged)", folder,
                           *name);
    }
    return FN_OK;
}

fn_status fn_manifest_verify(const char *folder, const char *const *name, int64_t *step)
{
    char *text = NULL, *path = fn_file_join(folder, "manifest.json");
    json_t *root = NULL;
    size_t size;
    fn_status rc;
    if (!path)
        return fn_fail(FN_ENOMEM, "%s: no memory for the manifest", folder);
    FN_GO(fn_file_read(&text, &size, path, LARGEST));
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_integer_value(json_object_get(root, "version")) != 1) {
        rc = fn_fail(FN_EDATA, "%s: not a manifest of this program", path);
        goto out;
    }
    *step = json_integer_value(json_object_get(root, "step"));
    FN_GO(compare(json_object_get(root, "files"), folder, name));
out:
    json_decref(root);
    fn_free(text);
    fn_free(path);
    return rc;
}
