/* test_sick.c -- the first node on the CPU whose numbers are not finite. */
#include "nn/sick.h"
#include "tests/sick.h"

TEST(the_first_node_is_found)
{
    check_sick((fn_plan_options){.backend = FN_CPU});
    check_sick((fn_plan_options){.backend = FN_CPU, .no_fuse = true});
}
