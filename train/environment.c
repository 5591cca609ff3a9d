#include "train/environment.h"

#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

/* The first "model name" of /proc/cpuinfo; "unknown" where there is none. */
static void read_cpu(char *name, size_t size)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", 10) == 0) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(name, size, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    if (f)
        fclose(f);
}

fn_status fn_environment_json(char **text, int threads)
{
    char cpu[256], now[32];
    struct utsname os;
    struct tm utc;
    time_t t = time(NULL);
    *text = NULL;
    read_cpu(cpu, sizeof cpu);
    if (uname(&os) != 0)
        return fn_fail_errno("uname", "ask for the system's name");
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I}", "program",
                             fn_version(), "started", now, "host", os.nodename, "system",
                             os.sysname, "release", os.release, "cpu", cpu, "threads",
                             threads, "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
    char *dump = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (dump)
        *text = fn_strdup(dump);
    free(dump);
    return *text ? FN_OK : fn_fail(FN_ENOMEM, "no memory to describe the environment");
}
