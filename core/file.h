/* file.h -- whole files, folders and atomic replacement. Nothing a user owns is ever
 * opened for writing in place: new bytes go beside, are fsynced, then renamed. */
#ifndef FN_CORE_FILE_H
#define FN_CORE_FILE_H

#include "core/status.h"

#include <stdbool.h>

/* Reads a whole file; *data is the caller's (fn_free) and is followed by a '\0'. A folder,
 * a missing file or one larger than `max` bytes is an error that says so. */
fn_status fn_file_read(char **data, size_t *size, const char *path, size_t max) FN_CHECKED;

/* Replaces PATH by these bytes, or leaves the old file untouched: PATH.tmp.PID, fsync,
 * rename, fsync of the folder. A full disk is FN_EIO with the bytes wanted. */
fn_status fn_file_replace(const char *path, const void *data, size_t size) FN_CHECKED;

/* Like `mkdir -p`. */
fn_status fn_file_mkdirs(const char *path) FN_CHECKED;

bool fn_file_exists(const char *path);
bool fn_file_is_folder(const char *path);

/* Removes a folder and what is in it (one level of sub-folders is enough for us). */
fn_status fn_file_remove_tree(const char *path) FN_CHECKED;

/* "folder/name", allocated (fn_free); NULL when memory is out. */
char *fn_file_join(const char *folder, const char *name);

/* fsync of a folder, so that a rename in it lasts. */
fn_status fn_file_sync_folder(const char *path) FN_CHECKED;

/* Names in a folder but "." and "..", sorted by strcmp. Free with fn_file_names_free. */
fn_status fn_file_names(char ***name, int *n, const char *folder) FN_CHECKED;
void fn_file_names_free(char **name, int n);

#endif
