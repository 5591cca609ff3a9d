/* test_net_errors.c -- every complaint about a network's file: what, where, what to do. */
#include "kernels/op.h"
#include "nn/net.h"
#include "tests/test.h"

static fn_status check(const char *text)
{
    fn_net *net;
    fn_graph *g = NULL;
    FN_TRY(fn_net_parse(&net, "t.yaml", text, strlen(text)));
    fn_status rc = fn_net_build(&g, net, 2, true);
    fn_net_close(net);
    CHECK((rc == FN_OK) == (g != NULL));
    fn_graph_close(g);
    return rc;
}

/* A whole file around one list of rows; the rows begin in line 4. */
#define ROWS(rows) \
    "name: t\ninput: 9x7x3\nlayers:\n" rows "heads:\n  e: [fc: {name: f, out: 4}]\n"

#define REFUSED(text, status, sentence) CHECK_FAILS(check(text), status, sentence)
#define ROW_REFUSED(row, status, sentence) \
    CHECK_FAILS(check(ROWS(row)), status, "t.yaml:4:" sentence)

TEST(the_head_of_the_file)
{
    REFUSED("- lrn\n", FN_ECONFIG, "t.yaml:1:1: a network is a mapping");
    REFUSED("name: [t\n", FN_ECONFIG, "t.yaml:");
    REFUSED("input: 9x7x3\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG,
            "name");
    REFUSED("name: t\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG, "input");
    REFUSED("name: a/b\ninput: 9x7x3\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "t.yaml:1:7: name: expected 1 to 31 letters");
    REFUSED("name: abcdefghijklmnopqrstuvwxyzabcdef\ninput: 9x7x3\nlayers: [lrn]\n"
            "heads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "t.yaml:1:7: name: expected 1 to 31 letters");
    REFUSED("nmae: t\ninput: 9x7x3\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "name");
    REFUSED("name: t\ninput: 9x7x3\nlayres: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
            FN_ECONFIG, "t.yaml:3:1: ");
}

TEST(the_input)
{
    static const char *const bad[] = {
        "9x7",      "9x7x3x1", "0x7x3", "9x-7x3", "09x7x3", "9 x7x3",     "4097x7x3",
        "9x4097x3", "9x7x65",  "9x7x",  "x7x3",   "9x7x3 ", "999999x7x3", "big"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "name: t\ninput: '%s'\nlayers: [lrn]\nheads: {e: [fc: {out: 2}]}\n",
                 bad[i]);
        CHECK_FAILS(check(text), FN_ECONFIG,
                    "t.yaml:2:8: input: expected HEIGHTxWIDTHxCHANNELS");
    }
}

TEST(the_sections)
{
#define HEAD "name: t\ninput: 9x7x3\n"
    REFUSED(HEAD "heads: {e: [fc: {out: 2}]}\n", FN_ECONFIG, "layers is missing");
    REFUSED(HEAD "layers: [lrn]\n", FN_ECONFIG, "heads is missing");
    REFUSED(HEAD "layers: lrn\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG,
            "t.yaml:3:9: layers: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: [fc: {out: 2}]\n", FN_ECONFIG,
            "t.yaml:4:8: heads: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\neach: relu\n", FN_ECONFIG,
            "t.yaml:5:7: each: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\ntotal: 5\n", FN_ECONFIG,
            "t.yaml:5:8: total: expected");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\neach: {nrom: batch}\n",
            FN_ECONFIG, "did you mean 'norm'?");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\neach: {norm: bath}\n",
            FN_ECONFIG, "did you mean 'batch'?");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\ntotal: {parms: 5}\n",
            FN_ECONFIG, "did you mean 'params'?");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [fc: {out: 2}]}\ntotal: {params: 5K}\n",
            FN_ECONFIG, "params");
    REFUSED(HEAD "layers: []\nheads: {e: [fc: {out: 2}]}\n", FN_ECONFIG,
            "t.yaml:3:9: expected a list of rows");
    REFUSED(HEAD "layers: [lrn]\nheads: {}\n", FN_ECONFIG,
            "t.yaml:4:8: expected 1 to 8 heads, got 0");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: fc}\n", FN_ECONFIG,
            "t.yaml:4:12: expected a list of rows");
    REFUSED(HEAD "layers: [lrn]\nheads: {e: [relu]}\n", FN_ECONFIG,
            "t.yaml:4:12: a head gives one vector an image: end it in fc");
    REFUSED(HEAD "layers: [lrn]\nheads: {a: [fc: {out: 1}], b: [fc: {out: 1}], "
                 "c: [fc: {out: 1}], d: [fc: {out: 1}], e: [fc: {out: 1}], "
                 "f: [fc: {out: 1}], g: [fc: {out: 1}], h: [fc: {out: 1}], "
                 "i: [fc: {out: 1}]}\n",
            FN_ECONFIG, "expected 1 to 8 heads, got 9");
}

TEST(the_word_of_a_row)
{
    ROW_REFUSED("  - [lrn]\n", FN_ECONFIG, "5: a row is one word");
    ROW_REFUSED("  - {lrn: {size: 5}, relu: {}}\n", FN_ECONFIG, "5: a row is one word");
    ROW_REFUSED("  - conv: 5\n", FN_ECONFIG, "11: conv: its attributes are a mapping");
    ROW_REFUSED("  - covn: {out: 4, kernel: 3}\n", FN_ECONFIG,
                "5: there is no layer or op 'covn'; did you mean 'conv'?");
    ROW_REFUSED("  - incepton: {name: a}\n", FN_ECONFIG,
                "5: there is no layer or op "
                "'incepton'; did you mean "
                "'inception'?");
    ROW_REFUSED("  - fork: {ways: 2}\n", FN_ECONFIG, "5: there is no layer or op 'fork'");
    ROW_REFUSED("  - transformer\n", FN_ECONFIG,
                "5: there is no layer or op 'transformer'");
    CHECK(strstr(fn_last_error(), "did you mean") == NULL);
}

TEST(the_attributes_of_a_row)
{
    ROW_REFUSED("  - conv\n", FN_ECONFIG, "5: conv needs out: write `- conv: {out: ...}`");
    ROW_REFUSED("  - conv: {out: 4}\n", FN_ECONFIG, "");
    CHECK(strstr(fn_last_error(), "kernel"));
    ROW_REFUSED("  - conv: {out: 4, kernl: 3}\n", FN_ECONFIG, "20: ");
    CHECK(strstr(fn_last_error(), "did you mean 'kernel'?"));
    ROW_REFUSED("  - conv: {out: 0, kernel: 3}\n", FN_ECONFIG, "17: out: expected");
    ROW_REFUSED("  - conv: {out: 4, kernel: 3, bias: true}\n", FN_ECONFIG, "31: ");
    ROW_REFUSED("  - relu: {slope: 1}\n", FN_ECONFIG, "12: ");
    ROW_REFUSED("  - lrn: {size: 4}\n", FN_EINVAL, "5: lrn: lrn size 4 is even");
    ROW_REFUSED("  - maxpool: {kernel: 12, pad: valid}\n", FN_ESHAPE,
                "5: maxpool: pool kernel 12 is larger than its 9x7 input");
    ROW_REFUSED("  - conv: {name: c, out: 4, kernel: 12, pad: valid}\n", FN_ESHAPE,
                "5: c: conv kernel 12 is larger than its 9x7 input");
    REFUSED(ROWS("  - fc: {name: a, out: 4}\n  - conv: {name: b, out: 4, kernel: 1}\n"),
            FN_ESHAPE, "t.yaml:5:5: b: conv wants N,C,H,W");
}

TEST(the_columns_of_a_row)
{
    ROW_REFUSED("  - lrn: {name: a/b}\n", FN_ECONFIG, "17: name: expected 1 to 31");
    ROW_REFUSED("  - lrn: {name: ''}\n", FN_ECONFIG, "17: name: expected 1 to 31");
    ROW_REFUSED("  - lrn: {name: [a]}\n", FN_ECONFIG, "17: name: expected 1 to 31");
    ROW_REFUSED("  - lrn: {params: 5k}\n", FN_ECONFIG,
                "19: params: expected a figure such as 9K");
    ROW_REFUSED("  - lrn: {flops: lots}\n", FN_ECONFIG,
                "18: flops: expected a figure such as 9K");
    ROW_REFUSED("  - lrn: {gives: 9x7}\n", FN_ECONFIG,
                "18: gives: expected HEIGHTxWIDTHxCHANNELS, got '9x7'");
    ROW_REFUSED("  - lrn: {gives: 9x7x4}\n", FN_ECONFIG,
                "18: lrn gives 9x7x3, the file says 9x7x4");
    ROW_REFUSED("  - lrn: {gives: 7x9x3}\n", FN_ECONFIG,
                "18: lrn gives 9x7x3, the file says 7x9x3");
    ROW_REFUSED("  - fc: {out: 4, gives: 1x1x5}\n", FN_ECONFIG,
                "25: fc gives 1x1x4, the file says 1x1x5");
    REFUSED(ROWS("  - lrn: {name: a}\n  - lrn: {name: a}\n"), FN_ECONFIG,
            "t.yaml:5:17: two rows are named 'a'");
    REFUSED(ROWS("  - lrn: {name: f}\n"), FN_ECONFIG, "two rows are named 'f'");
}

TEST(the_columns_of_a_module)
{
#define MODULE(columns) "  - inception: {name: m, " columns "}\n"
    ROW_REFUSED(MODULE("proj: 4"), FN_ECONFIG, "5: m: no branch: give one of");
    ROW_REFUSED(MODULE("3x3: 4"), FN_ECONFIG, "5: m: 3x3 and 3x3r go together");
    ROW_REFUSED(MODULE("1x1: 4, 3x3r: 4"), FN_ECONFIG, "5: m: 3x3 and 3x3r go together");
    ROW_REFUSED(MODULE("5x5: 4"), FN_ECONFIG, "5: m: 5x5 and 5x5r go together");
    ROW_REFUSED(MODULE("1x1: 4, 5x5r: 4"), FN_ECONFIG, "5: m: 5x5 and 5x5r go together");
    ROW_REFUSED(MODULE("1x1: 4, proj: 4"), FN_ECONFIG, "5: m: proj without pool");
    ROW_REFUSED(MODULE("1x1: 4, pool: max, stride: 2"), FN_ECONFIG,
                "5: m: 1x1 has no stride");
    ROW_REFUSED(MODULE("1x1: 4, 3x3R: 4"), FN_ECONFIG, "");
    CHECK(strstr(fn_last_error(), "did you mean '3x3r'?"));
    ROW_REFUSED(MODULE("1x1: 4, pool: mx"), FN_ECONFIG, "");
    CHECK(strstr(fn_last_error(), "did you mean 'max'?"));
}
