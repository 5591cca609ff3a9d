#include "train/hparams.h"

#include "train/event.h"

#include <stdlib.h>
#include <string.h>

enum { SESSION_START = 3, SESSION_END = 4, SUCCESS = 1 };

static bool counts(const fn_field *f)
{
    return strcmp(f->name, "run") != 0;
}

/* One entry of the map: key and google.protobuf.Value. Real numbers go the way of their
 * shortest text, so that 0.2 is not shown as 0.20000000298. */
static void put_field(fn_proto *p, const fn_field *f, const fn_config *c)
{
    char text[FN_TEXT_BYTES];
    fn_field_print(text, sizeof text, f, c);
    size_t entry = fn_proto_begin(p, 1); /* hparams */
    fn_proto_text(p, 1, f->name);        /* key */
    size_t value = fn_proto_begin(p, 2); /* value */
    if (f->kind == FN_TEXT || f->kind == FN_CHOICE)
        fn_proto_text(p, 3, text); /* string_value */
    else if (f->kind == FN_BOOL)
        fn_proto_int(p, 4, strcmp(text, "true") == 0); /* bool_value */
    else
        fn_proto_double(p, 2, strtod(text, NULL)); /* number_value */
    fn_proto_end(p, value);
    fn_proto_end(p, entry);
}

/* What is open of an event whose value is nothing but the plugin's message. */
typedef struct session {
    fn_nest value, plugin, message;
} session;

static session begin(fn_proto *p, int message, fn_place at)
{
    session s;
    s.value = fn_event_begin(p, at);
    fn_event_nothing(p);
    s.plugin = fn_event_plugin(p, "hparams");
    s.message.outer = fn_proto_begin(p, FN_EVENT_CONTENT);
    s.message.inner = fn_proto_begin(p, message);
    return s;
}

static void end(fn_proto *p, session s)
{
    fn_event_end(p, s.message);
    fn_event_end(p, s.plugin);
    fn_event_end(p, s.value);
}

void fn_hparams_start(fn_proto *p, double wall, int64_t step, const fn_config *c)
{
    session s = begin(p, SESSION_START,
                      (fn_place){wall, step, "_hparams_/session_start_info"});
    for (const fn_field *f = fn_config_fields; f->name; f++)
        if (counts(f))
            put_field(p, f, c);
    fn_proto_double(p, 5, wall); /* start_time_secs */
    end(p, s);
}

void fn_hparams_end(fn_proto *p, double wall, int64_t step)
{
    session s = begin(p, SESSION_END, (fn_place){wall, step, "_hparams_/session_end_info"});
    fn_proto_int(p, 1, SUCCESS);
    fn_proto_double(p, 2, wall); /* end_time_secs */
    end(p, s);
}
