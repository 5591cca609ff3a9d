/* Which engines may compute a graph, in which order cuDNN would try them. */
#include "kernels/cudnn_backend.h"

enum { NOTES = 32 };

#define NOTE(name) (1U << CUDNN_NUMERICAL_NOTE_##name)

/* Engines with these notes are passed over, whatever they cost: other bits in every run, sums
 * in less than float, inputs rounded to less than they are stored in. */
static const uint32_t never = NOTE(NONDETERMINISTIC) | NOTE(REDUCED_PRECISION_REDUCTION) |
                              NOTE(DOWN_CONVERT_INPUTS);
/* Of floats tensor cores see 19 bits (TF32); the rest loses a digit or two by algebra. */
static const uint32_t never_exact = NOTE(TENSOR_CORE) | NOTE(FFT) | NOTE(WINOGRAD) |
                                    NOTE(WINOGRAD_TILE_4x4) | NOTE(WINOGRAD_TILE_6x6) |
                                    NOTE(WINOGRAD_TILE_13x13);

static bool may_run(fn_cudnn_bag *b, fn_cudnn_part engine, fn_precision precision)
{
    cudnnBackendNumericalNote_t note[NOTES];
    uint32_t notes = 0;
    int n = fn_cudnn_get(b, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                         CUDNN_TYPE_NUMERICAL_NOTE, NOTES, note);
    for (int i = 0; i < n; i++)
        notes |= 1U << note[i];
    return !(notes & (never | (precision == FN_PRECISION_FP32 ? never_exact : 0)));
}

static fn_cudnn_part engine_of(fn_cudnn_bag *b, fn_cudnn_part config)
{
    fn_cudnn_part engine = fn_cudnn_add(b, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    fn_cudnn_get(b, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                 &engine);
    return engine;
}

static void keep_or_pass_over(fn_cudnn_configs *found, fn_cudnn_bag *b,
                              fn_cudnn_part config, fn_precision precision)
{
    int before = b->n;
    bool may = may_run(b, engine_of(b, config), precision);
    fn_cudnn_drop(b, before, NULL, 0);
    if (!may)
        found->passed_over++;
    else if (found->n < FN_CUDNN_CONFIGS)
        found->config[found->n++] = config;
}

static void ask(fn_cudnn_configs *found, fn_cudnn_bag *b, const fn_cudnn *c,
                fn_cudnn_part graph, cudnnBackendHeurMode_t mode, fn_precision precision)
{
    fn_cudnn_part asked = fn_cudnn_add(b, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    fn_cudnn_part config[FN_CUDNN_CONFIGS] = {0};
    fn_cudnn_link(b, asked, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    fn_cudnn_set(b, asked, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    fn_cudnn_link(b, asked, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, c->device);
    fn_cudnn_finish(b, asked);
    int room = fn_cudnn_get(b, asked, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                            CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, NULL);
    room = room < FN_CUDNN_CONFIGS ? room : FN_CUDNN_CONFIGS;
    for (int i = 0; i < room; i++)
        config[i] = fn_cudnn_add(b, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    int n = room ? fn_cudnn_get(b, asked, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                CUDNN_TYPE_BACKEND_DESCRIPTOR, room, config)
                 : 0;
    for (int i = 0; i < n; i++)
        keep_or_pass_over(found, b, config[i], precision);
}

void fn_cudnn_find(fn_cudnn_configs *found, fn_cudnn_bag *b, const fn_cudnn *c,
                   fn_cudnn_part graph, fn_precision precision)
{
    *found = (fn_cudnn_configs){0};
    ask(found, b, c, graph, CUDNN_HEUR_MODE_A, precision);
    ask(found, b, c, graph, CUDNN_HEUR_MODE_FALLBACK, precision);
}

static fn_cudnn_part knob(fn_cudnn_bag *b, int64_t type, int64_t value)
{
    fn_cudnn_part k = fn_cudnn_add(b, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    cudnnBackendKnobType_t name = (cudnnBackendKnobType_t)type;
    fn_cudnn_set(b, k, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &name);
    fn_cudnn_set(b, k, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &value);
    fn_cudnn_finish(b, k);
    return k;
}

void fn_cudnn_take(fn_cudnn_configs *found, fn_cudnn_bag *b, const fn_cudnn *c,
                   fn_cudnn_part graph, fn_precision precision, const fn_engine *choice)
{
    *found = (fn_cudnn_configs){0};
    fn_cudnn_part engine = fn_cudnn_add(b, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    fn_cudnn_part k[FN_ENGINE_KNOBS];
    fn_cudnn_link(b, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
    fn_cudnn_set(b, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1,
                 &choice->id);
    fn_cudnn_link(b, engine, CUDNN_ATTR_ENGINE_DEVICEPROP, c->device);
    fn_cudnn_finish(b, engine);
    fn_cudnn_part config = fn_cudnn_add(b, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    fn_cudnn_link(b, config, CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    for (int i = 0; i < choice->n_knob; i++)
        k[i] = knob(b, choice->knob[i].type, choice->knob[i].value);
    if (choice->n_knob)
        fn_cudnn_set(b, config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                     CUDNN_TYPE_BACKEND_DESCRIPTOR, choice->n_knob, k);
    fn_cudnn_finish(b, config);
    if (!b->bad)
        keep_or_pass_over(found, b, config, precision);
}

void fn_cudnn_read_engine(fn_engine *e, fn_cudnn_bag *b, fn_cudnn_part config)
{
    fn_cudnn_part k[FN_ENGINE_KNOBS];
    int before = b->n;
    *e = (fn_engine){0};
    fn_cudnn_get(b, engine_of(b, config), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64,
                 1, &e->id);
    for (int i = 0; i < FN_ENGINE_KNOBS; i++)
        k[i] = fn_cudnn_add(b, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    e->n_knob = fn_cudnn_get(b, config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                             CUDNN_TYPE_BACKEND_DESCRIPTOR, FN_ENGINE_KNOBS, k);
    for (int i = 0; i < e->n_knob; i++) {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        fn_cudnn_get(b, k[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1,
                     &type);
        fn_cudnn_get(b, k[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1,
                     &e->knob[i].value);
        e->knob[i].type = type;
    }
    fn_cudnn_drop(b, before, NULL, 0);
}
