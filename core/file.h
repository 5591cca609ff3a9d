/* file.h -- whole files, folders and atomic replacement. Nothing a user owns is ever
 * opened for writing in place: new bytes go beside, are fsynced, then renamed. */
#ifndef FN_CORE_FILE_H
#define FN_CORE_FILE_H

#include "core/status.h"

#include <stdbool.h>

/* Reads a whole file; *data is the caller's (fn_free) and is followed by a '\0'. A folder,
 * a missing file or one larger than `max` bytes is an error that says so. */
fn_status fn_file_read(char **data, size_t *size, const char *path, size_t max) FN_CHECKED;

/* Reads all of it from an offset. `path` stands in the sentence. Errors: FN_EIO, also where the
 * file ends before. */
fn_status fn_file_read_at(int fd, int64_t at, void *to, size_t size,
                          const char *path) FN_CHECKED;

/* Replaces PATH by these bytes, or leaves the old file untouched: PATH.tmp.PID, fsync,
 * rename, fsync of the folder. A full disk is FN_EIO with the bytes wanted. A symbolic link
 * is replaced, not followed; a folder or a device is refused. */
fn_status fn_file_replace(const char *path, const void *data, size_t size) FN_CHECKED;

/* The same of FOLDER/name. */
fn_status fn_file_replace_in(const char *folder, const char *name, const void *data,
                             size_t size) FN_CHECKED;

/* For those who work long before they write: FN_EINVAL when a folder or a device is in the place of
 * PATH, FN_ENOENT or FN_EIO when its folder is not there or not to be written to. */
fn_status fn_file_check_target(const char *path) FN_CHECKED;

/* The steps of fn_file_replace, for files too large for memory. Opens the draft of PATH,
 * "PATH.tmp.PID", to be read and written, unless a folder or a device is in the place of PATH; an
 * older draft of that name is removed. */
fn_status fn_file_draft(int *fd, char **draft, const char *path) FN_CHECKED;
/* Writes all of it at an offset. `path` stands in the sentence. */
fn_status fn_file_write(int fd, int64_t at, const void *data, size_t size,
                        const char *path) FN_CHECKED;
/* Closes and frees the draft, and publishes it if `rc`, of what was written, is FN_OK; otherwise
 * it is gone. */
fn_status fn_file_finish(int fd, char *draft, const char *path, fn_status rc) FN_CHECKED;
/* Gives a finished draft its name for good and closes fd; on failure the draft is gone. */
fn_status fn_file_publish(int fd, const char *draft, const char *path) FN_CHECKED;

/* Like `mkdir -p`. */
fn_status fn_file_mkdirs(const char *path) FN_CHECKED;

bool fn_file_exists(const char *path); /* a dangling link does */
bool fn_file_is_folder(const char *path);

/* Removes a file, or a folder and all that is in it; links are removed, not followed. */
fn_status fn_file_remove_tree(const char *path) FN_CHECKED;

/* "folder/name", allocated (fn_free); NULL when memory is out. */
char *fn_file_join(const char *folder, const char *name);

/* The folder that PATH lies in, "." for a bare name; allocated (fn_free); NULL when memory is
 * out. */
char *fn_file_parent(const char *path);

/* PREFIX/name where this program is PREFIX/bin/PROGRAM, so that an installed tree can be moved;
 * *path is the caller's (fn_free), and NULL where the system does not say who runs.
 * Errors: FN_ENOMEM. */
fn_status fn_file_installed(char **path, const char *name) FN_CHECKED;

/* fsync of a folder, so that a rename in it lasts. */
fn_status fn_file_sync_folder(const char *path) FN_CHECKED;

/* Names in a folder but "." and "..", sorted by strcmp. Free with fn_file_names_free. */
fn_status fn_file_names(char ***name, int *n, const char *folder) FN_CHECKED;
void fn_file_names_free(char **name, int n);

#endif
