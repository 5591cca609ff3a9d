#include "train/hparams.h"

#include "train/event.h"

#include <stdlib.h>
#include <string.h>

enum { SESSION_START = 3, SESSION_END = 4, SUCCESS = 1 };
enum { FIELD_FRAME = 48 }; /* more than a key and its value need beside their texts */

static bool counts(const fn_field *f)
{
    return strcmp(f->name, "run") != 0;
}

/* One entry of the map: key and google.protobuf.Value. Real numbers go the way of their
 * shortest text, so that 0.2 is not shown as 0.20000000298. */
static void put_field(fn_wire *w, const fn_field *f, const fn_config *c)
{
    char text[FN_TEXT_BYTES];
    size_t before = w->size;
    fn_field_print(text, sizeof text, f, c);
    if (f->kind == FN_TEXT || f->kind == FN_CHOICE)
        fn_wire_text(w, 3, text); /* string_value */
    else if (f->kind == FN_BOOL)
        fn_wire_int(w, 4, strcmp(text, "true") == 0); /* bool_value */
    else
        fn_wire_double(w, 2, strtod(text, NULL)); /* number_value */
    fn_wire_enclose(w, 2, before);                /* value */
    fn_wire_text(w, 1, f->name);                  /* key */
    fn_wire_enclose(w, 1, before);                /* hparams */
}

static void finish(fn_wire *w, int message, fn_place at)
{
    fn_wire_enclose(w, message, 0);
    fn_event_plugin(w, "hparams", 0);
    fn_event_nothing(w);
    fn_event_finish(w, at);
}

fn_status fn_hparams_start(fn_wire *w, double wall, int64_t step, const fn_config *c)
{
    size_t most = 2 * FN_EVENT_FRAME;
    for (const fn_field *f = fn_config_fields; f->name; f++)
        most += strlen(f->name) + FIELD_FRAME +
                (f->kind == FN_TEXT ? FN_TEXT_BYTES : 2 * FIELD_FRAME);
    FN_TRY(fn_wire_begin(w, most));
    fn_wire_double(w, 5, wall); /* start_time_secs */
    for (const fn_field *f = fn_config_fields; f->name; f++)
        if (counts(f))
            put_field(w, f, c);
    finish(w, SESSION_START, (fn_place){wall, step, "_hparams_/session_start_info"});
    return FN_OK;
}

fn_status fn_hparams_end(fn_wire *w, double wall, int64_t step)
{
    FN_TRY(fn_wire_begin(w, 2 * FN_EVENT_FRAME));
    fn_wire_double(w, 2, wall); /* end_time_secs */
    fn_wire_int(w, 1, SUCCESS);
    finish(w, SESSION_END, (fn_place){wall, step, "_hparams_/session_end_info"});
    return FN_OK;
}
