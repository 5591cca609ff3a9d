/* net.h -- configs/nets/NAME.yaml: a network as text, and the graph it describes. */
#ifndef FN_NN_NET_H
#define FN_NN_NET_H

#include "nn/graph.h"

typedef struct fn_net fn_net;

/* `name` is a path to a YAML file, or a bare name such as "nn2", looked for in `folder`
 * (may be NULL), in configs/nets of the working folder, and in the installed share/facenet/nets
 * (fn_file_installed), of which a build folder has its own. */
fn_status fn_net_open(fn_net **out, const char *name, const char *folder) FN_CHECKED;
/* From text kept in a model; `where` stands for the file in complaints. Copies the text. */
fn_status fn_net_parse(fn_net **out, const char *where, const char *text,
                       size_t size) FN_CHECKED;
void fn_net_close(fn_net *net);

const char *fn_net_name(const fn_net *net); /* "nn2" */
const char *fn_net_text(const fn_net *net); /* the YAML, for a model's record */
int fn_net_height(const fn_net *net);       /* input size, pixels */
int fn_net_width(const fn_net *net);

/* Builds the graph at a batch size; shape errors name file:line:column. */
fn_status fn_net_build(fn_graph **out, const fn_net *net, int batch,
                       bool training) FN_CHECKED;

#endif
