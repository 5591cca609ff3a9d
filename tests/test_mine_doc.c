/* test_mine_doc.c -- recomputes the example of docs/mining.md: every line of its tables. */
#include "core/file.h"
#include "core/mem.h"
#include "tests/test.h"
#include "train/loss.h"
#include "train/mine.h"

/* Mining of kind semihard. */
static fn_status mine_semihard(fn_triplets *t, const float *d, const int *label, int n,
                               float margin, fn_fallback fallback)
{
    fn_faces b = {.d = d, .label = label, .n = n};
    return fn_mine(t, &b, &(fn_mine_options){.fallback = fallback, .margin = margin});
}

static void expect_line(const char *doc, const char *line)
{
    if (!strstr(doc, line))
        FN_TEST_FAIL("docs/mining.md lacks the line: %s", line);
}

static const int angle[] = {0, 20, 45, 30, 50, 100}, person[] = {0, 0, 0, 1, 1, 1};

static void check_pair_line(const char *doc, const float *d, const fn_triplet *t, int far,
                            int hard, int a, int p)
{
    char line[128];
    if (t)
        snprintf(line, sizeof line, "| %d | %d | %.3f | %d | %.3f | %.3f | %d | %d |", a, p,
                 (double)d[a * 6 + p], t->negative, (double)d[a * 6 + t->negative],
                 (double)d[a * 6 + p] - (double)d[a * 6 + t->negative] + 0.2, far, hard);
    else
        snprintf(line, sizeof line, "| %d | %d | %.3f | none | | | %d | %d |", a, p,
                 (double)d[a * 6 + p], far, hard);
    expect_line(doc, line);
}

/* FALLBACK_HARDEST and _FARTHEST of a pair, as mining with a margin that nothing meets says. */
static void check_pairs_table(const char *doc, const float *d, const fn_triplets *t)
{
    fn_triplets far = {0}, hard = {0};
    int64_t at = 0;
    CHECK_OK(mine_semihard(&far, d, person, 6, 1e-6f, FN_FALLBACK_FARTHEST));
    CHECK_OK(mine_semihard(&hard, d, person, 6, 1e-6f, FN_FALLBACK_HARDEST));
    CHECK_INT(far.n, 12);
    CHECK_INT(hard.n, 12);
    for (int64_t i = 0; i < far.n; i++) {
        int a = far.triplet[i].anchor, p = far.triplet[i].positive;
        bool mined = at < t->n && t->triplet[at].anchor == a &&
                     t->triplet[at].positive == p;
        check_pair_line(doc, d, mined ? &t->triplet[at] : NULL, far.triplet[i].negative,
                        hard.triplet[i].negative, a, p);
        at += mined;
    }
    CHECK_INT(at, t->n);
    fn_triplets_free(&far);
    fn_triplets_free(&hard);
}

static void check_rows_tables(const char *doc, const float *e, const float *de,
                              const float *d)
{
    char line[128];
    for (int i = 0; i < 6; i++) {
        snprintf(line, sizeof line, "| %d | %c | %d | %.3f | %.3f |", i, 'A' + person[i],
                 angle[i], (double)e[2 * i], (double)e[2 * i + 1]);
        expect_line(doc, line);
        snprintf(line, sizeof line, "| **%d** | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f |",
                 i, (double)d[6 * i], (double)d[6 * i + 1], (double)d[6 * i + 2],
                 (double)d[6 * i + 3], (double)d[6 * i + 4], (double)d[6 * i + 5]);
        expect_line(doc, line);
        snprintf(line, sizeof line, "| %d | %.3f | %.3f |", i, (double)de[2 * i],
                 (double)de[2 * i + 1]);
        expect_line(doc, line);
    }
}

TEST(mine_as_the_document_says)
{
    float e[12], d[36], de[12];
    char *doc, line[160];
    size_t size;
    fn_triplets t = {0};
    fn_loss loss;
    for (int i = 0; i < 6; i++) {
        e[2 * i] = (float)cos(angle[i] * acos(-1) / 180);
        e[2 * i + 1] = (float)sin(angle[i] * acos(-1) / 180);
    }
    CHECK_OK(fn_distances(d, e, 6, 2));
    CHECK_OK(mine_semihard(&t, d, person, 6, 0.2f, FN_FALLBACK_SKIP));
    CHECK_OK(fn_triplet_loss(&loss, de, &(fn_faces){e, d, person, 6, 2}, &t, 0.2f,
                             FN_REDUCE_MEAN));
    fn_status rc = fn_file_read(&doc, &size, "docs/mining.md", 1 << 20);
    CHECK_OK(rc);
    if (rc == FN_OK) {
        check_rows_tables(doc, e, de, d);
        check_pairs_table(doc, d, &t);
        snprintf(
            line, sizeof line,
            "%d triplets of %d pairs, loss %.3f, active %.1f %%, mean d(a,p) %.3f, mean "
            "d(a,n) %.3f",
            (int)t.n, (int)t.pairs, loss.loss, 100 * loss.active, loss.d_ap, loss.d_an);
        expect_line(doc, line);
    }
    fn_free(doc);
    fn_triplets_free(&t);
}
