/* csv.c -- pairs as CSV. */
#include "eval/csv.h"

#include "core/text.h"

fn_status fn_csv_write(const char *path, const fn_pairs *p, const float *distance,
                       const fn_verification *v)
{
    fn_text t = {.data = NULL};
    fn_text_put(&t, "image1,image2,fold,same,distance,threshold,accepted,right\n");
    for (int i = 0; i < p->n; i++) {
        const fn_pair *pair = &p->pair[i];
        double threshold = v->fold_threshold[pair->fold];
        bool accept = (double)distance[i] < threshold;
        fn_text_csv(&t, p->path[pair->a]);
        fn_text_put(&t, ",");
        fn_text_csv(&t, p->path[pair->b]);
        fn_text_put(&t, ",%d,%d,", pair->fold + 1, pair->same);
        fn_text_number(&t, (double)distance[i], 9);
        fn_text_put(&t, ",");
        fn_text_number(&t, threshold, 17);
        fn_text_put(&t, ",%d,%d\n", accept, accept == pair->same);
    }
    return fn_text_save(&t, path);
}
