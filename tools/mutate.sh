#!/bin/bash
# mutate.sh -- do the tests bite? Plants one mistake at a time in a copy of the sources and
# runs the test that shall catch it. Exits 1 if one is missed, or if its row is out of date.
#   usage: tools/mutate.sh [WORD]      (only rows that contain WORD)
#          tools/mutate.sh --rows      (plants nothing: is any row out of date?)
# A row:  file @ sed script @ test @ what goes wrong        (test: a program, or tests/*.py)
set -uo pipefail
rows=$(cat <<'ROWS'
kernels/l2norm.c @ s/ - x\[k\] \* along .*length)) \/ length/) \/ length/ @ test_ops @ the projection is forgotten
kernels/l2norm.c @ /FN_NC(/d @ test_ops @ an op without samples
kernels/relu.c @ s/FN_KEEP_Y/FN_KEEP_NONE/ @ test_ops @ a lie about what backward reads
kernels/relu_cpu.c @ s/> 0 ? fn_load(dy/> 0 ? fn_load(to, t, i) + fn_load(dy/ @ test_ops @ a gradient is added to what is there
kernels/relu_cpu.c @ s/i < count/i <= count/ @ test_ops @ one element too many
kernels/relu_cpu.c @ s/int64_t i = 0/int64_t i = 1/ @ test_ops @ the first element is not written
kernels/relu_cpu.c @ s/t, i) > 0 ?/t, i) >= 0 ?/ @ test_ops @ the gradient at 0
kernels/lrn.c @ s/double factor = 2 \*/double factor =/ @ test_ops @ a factor 2 is lost
kernels/lrn_cpu.c @ s/i < t.g.half; i++/i < t.g.half - 1; i++/ @ test_ops @ a border is not zeroed
kernels/lrn_cpu.c @ s/return fn_threads_with_slot(.*)/return fn_threads()/ @ test_ops @ more threads than scratch
kernels/batchnorm.c @ s/ + xhat \* dgain// @ test_ops @ backward drops a term
kernels/batchnorm.c @ s/\*var = squares \/ count/*var = squares \/ (count - 1)/ @ test_ops @ the variance is unbiased
kernels/batchnorm_cpu.c @ s/saved + s->mean, bytes/saved + s->var, bytes/ @ test_ops @ the wrong statistic in dw
kernels/batchnorm_cpu.c @ s/return t.data ? t.data : .*/return t.data ? t.data : (char *)c->workspace;/ @ test_ops @ unwanted gradients fall on each other
kernels/conv.c @ s/from.row + tap \/ k, column = from.column + tap % k/from.row + tap % k, column = from.column + tap \/ k/ @ test_ops @ the kernel is transposed
kernels/conv_direct.c @ s/db ? db : workspace + s->bias/workspace + s->bias/ @ test_ops @ the bias gradient gets lost
kernels/conv_cpu.c @ s/if (!a->relu || way_of(c)->masks)/if (a)/ @ test_ops @ no mask of the fused relu
kernels/conv_direct.c @ s/return fn_dnnl_bring(&s->back.w, &w, s->back_own)/return FN_OK/ @ test_ops @ backward's weights are never packed
kernels/conv_direct.c @ s/FN_TRY(fn_dnnl_bring(&p->x, &x, workspace));// @ test_ops @ a layout is not changed
kernels/conv_direct.c @ s/dw ? fn_dnnl_deliver(&p->w, dw, workspace) : FN_OK/FN_OK/ @ test_ops @ a gradient is not delivered
kernels/conv_cpu.c @ 0,/    conv_release(c);/s/    conv_release(c);/    (void)c;/ @ test_ops @ a failed prepare leaves its state
kernels/dnnl_make.c @ s/p.pad\[0\] = p.pad\[1\] = a->pad/p.pad[0] = a->pad/ @ test_ops @ no padding of columns
kernels/dnnl_make.c @ s/ahead \&\& a->relu/false \&\& a->relu/ @ test_ops @ the fused relu is forgotten
kernels/dnnl.c @ s/(\*size + 63) \/ 64 \* 64/*size \/ 2/ @ test_ops @ places in the workspace overlap
kernels/pool.c @ s/clip(row + a->kernel, h)/clip(row + a->kernel - 1, h)/ @ test_ops @ a window is a row short
kernels/pool.c @ s/FN_KEEP_X | FN_KEEP_Y/FN_KEEP_X/ @ test_ops @ a lie about what backward reads
kernels/pool_walk.c @ s/(w->stride - 1 - shift) \/ w->stride/-shift \/ w->stride/ @ test_ops @ the first window of a row
kernels/maxpool.c @ s/x\[i\] > x\[best\]/x[i] >= x[best]/ @ test_ops @ the last tie wins
kernels/maxpool_cpu.c @ s/left = only_if(!won, left);// @ test_ops @ every tie wins
kernels/l2pool.c @ s/(divisor(c) \* y)/y/ @ test_ops @ the gradient of the mean
kernels/l2pool_cpu.c @ s/length > 0 ? length : INFINITY/length/ @ test_ops @ 0 divided by 0
kernels/avgpool_cpu.c @ s/(float)(w->high \* w->wide)/(float)(w->high * w->high)/ @ test_ops @ planes that are not square
kernels/concat_cpu.c @ s/fn_from(c->y\[0\], at)/fn_from(c->y[0], at + (i == 1))/ @ test_ops @ off by one
kernels/concat_cpu.c @ s/c->x\[i\].shape.dim\[1\] % fn_format_block(f)/f > FN_BLOCK16/ @ test_ops @ blocks that are not full
kernels/fork_cpu.c @ s/i < c->n_y - 1/i < c->n_y - 2/ @ test_ops @ a reader's gradient is forgotten
kernels/linear_cpu.c @ s/s.k, a->bias ? 1 : 0, y/s.k, 1, y/ @ test_ops @ an output is read
kernels/linear_cpu.c @ s/if (s.plane > 1)/if (s.plane > 9)/ @ test_ops @ dx in the order of the weights
kernels/maxout_cpu.c @ s/piece\[k\] > piece/piece[k] >= piece/ @ test_ops @ the last tie wins
kernels/reorder_cpu.c @ s/if (c->dx\[0\].data)/if (c->dx[0].data \&\& c->x[0].format != c->y[0].format)/ @ test_ops @ a gradient whose type alone differs
kernels/format.c @ s/w < width \&\& lanes > 0/w < 0/ @ test_format @ padding is not zeroed
kernels/format.c @ s/: least(a, b)/: a/ @ test_format @ blocks of 8 to blocks of 16
kernels/gemm.c @ s/transpose_b ? 'T' : 'N'/transpose_a ? 'T' : 'N'/ @ test_gemm @ the wrong matrix is turned
kernels/window.h @ s/kernel \/ 2 : 0/(kernel - 1) \/ 2 : 0/ @ test_shapes @ padding of even kernels
train/distance.c @ s/far < 0 ? 0 : far/far/ @ test_distance @ rounding below 0
train/mine.c @ s/== r->own \&\& k != r->anchor/== r->own/ @ test_mine @ an anchor is its own positive
train/mine.c @ s/(d\[k\] > floor)/(d[k] >= floor)/ @ test_mine @ as near as the positive is semi-hard
train/mine.c @ s/r->d\[n\] < (double)r->d\[positive\]/r->d[n] <= (double)r->d[positive]/ @ test_mine @ the end of the window
train/mine.c @ s/return farthest_negative(r);/return nearest_negative(r);/ @ test_mine @ one fallback for the other
train/mine.c @ s/> (best < 0 ? -1/>= (best < 0 ? -1/ @ test_mine @ the last tie wins
train/loss.c @ s/    c\[n\]--;/    (void)n;/ @ test_loss @ negatives are not pushed away
train/loss.c @ s/+ c\[j \* b->n + i\]/+ c[i * b->n + j]/ @ test_loss @ positives and negatives get no gradient
train/loss.c @ s/FN_REDUCE_ACTIVE ? active : 1/FN_REDUCE_ACTIVE ? count : 1/ @ test_loss @ the mean over the wrong triplets
eval/verification.c @ s/v->folds > 1 ? f : NO_FOLD/NO_FOLD/ @ test_verification @ a fold chooses its own threshold
eval/verification.c @ s/right > best)/right >= best)/ @ test_verification @ the highest of equal thresholds
eval/judged.c @ s/square \/ (m.count - 1)/square \/ m.count/ @ test_verification @ the deviation of a population
eval/judged.c @ s/m.deviation \/ sqrt(m.count)/m.deviation/ @ test_verification @ the deviation for the standard error
eval/verification.c @ s/(2 \* (int64_t)same + s)/(2 * (int64_t)same)/ @ test_verification @ ties count nothing in the area
eval/verification.c @ s/roc\[1\].far + roc\[1\].tpr < 1/roc[1].tpr < 1/ @ test_verification @ the equal error rate at the wrong place
infer/session.c @ s/if (byte\[i\])/if (!byte)/ @ test_session @ an option of a newer library is passed over
kernels/threads.c @ s/omp_in_parallel() ? 1 : // @ test_session @ a team in a region of the caller
infer/pass.c @ s/.exact = s->exact,// @ test_session @ exactness does not reach the plan
infer/session.c @ s/    memcpy(all, o, .*/    memcpy(all, o, sizeof *all);/ @ test_session @ an older caller's struct is read behind its end
kernels/prelu.c @ s/x\[i\] > 0 ? 0 : dy\[i\] \* x\[i\]/dy[i] * x[i]/ @ test_ops @ a slope learns from what is above 0
kernels/prelu.c @ s/FN_KEEP_X/FN_KEEP_Y/ @ test_ops @ a lie about what backward reads
kernels/prelu_cpu.c @ s/i + k) > 0;/i + k) >= 0;/ @ test_activation @ the gradient at 0
kernels/prelu_cpu.c @ s/left < l->lanes ? left : l->lanes/l->lanes/ @ test_ops @ slopes that are not there
kernels/prelu_cpu.c @ s/block > 1 ? pixels \* block : MOST/block > 1 ? block : MOST/ @ test_ops @ bands of blocks overlap
kernels/prelu_cpu.c @ s/i + k) \* x;/i + k);/ @ test_ops @ the slope's gradient without x
kernels/softmax.c @ s/FN_KEEP_Y/FN_KEEP_X/ @ test_ops @ it keeps what it overwrites
kernels/softmax.c @ s/exp(x\[k\] - m)/exp(x[k])/ @ test_activation @ the reference overflows
kernels/softmax_cpu.c @ s/expf(x\[k\] - m)/expf(x[k])/ @ test_activation @ the kernel overflows
kernels/softmax_cpu.c @ s/(double)dy\[k\] - sum/(double)dy[k]/ @ test_ops @ backward drops a term
kernels/softmax_cpu.c @ s/x + n \* width, width/x + n * width, width - 1/ @ test_ops @ a channel is left out
kernels/lrn.c @ s/ch + half >= count ? count - 1/ch + half > count ? count - 1/ @ test_ops @ a window reaches into the next pixel
kernels/lrn.c @ s/(double)a->alpha \/ a->size \* sum/(double)a->alpha * sum/ @ test_ops @ alpha is not shared by the window
kernels/lrn.c @ s/-(double)a->beta - 1)/-(double)a->beta)/ @ test_ops @ the wrong power in the gradient
kernels/lrn_cpu.c @ s/sum += at\[i\];/sum += at[0];/ @ test_ops @ windows that are not five wide
kernels/lrn_cpu.c @ s/(powers){square \* root, /(powers){square, / @ test_ops @ the wrong power
kernels/lrn_cpu.c @ s/left < TILE ? left : TILE/TILE/ @ test_ops @ a tile past the last pixel
kernels/winograd_stages_body.h @ s/back ? FN_TAPS - 1 - tap : tap/tap/ @ test_winograd @ backward's kernel is not turned round
kernels/winograd.c @ s/from + k == 0)/false)/ @ test_winograd @ the gradient is added to what was there
kernels/winograd_stages_body.h @ s/row < 0 ? -row : 0/0/ @ test_winograd @ the padding above an image
kernels/winograd_stages_body.h @ s/least(size, s->width - column)/size/ @ test_winograd @ tiles that stick out
kernels/winograd_stages_body.h @ s/return relu ?/return false ?/ @ test_winograd @ the fused relu is forgotten
kernels/winograd.c @ s/s.dim\[1\] % block == 0/true/ @ test_winograd @ blocks that are not full
kernels/winograd.c @ s/if (c->exact || /if (/ @ test_winograd @ exact is not
kernels/winograd.c @ s/ || a->stride != 1// @ test_winograd @ strides
kernels/winograd_tile.h @ s/fn_set(to, 5, d3)/fn_set(to, 5, odd2)/ @ test_winograd @ a transform of a gradient
kernels/conv_winograd.c @ s/fn_winograd_pack(s->packed_back.*/;/ @ test_winograd @ backward's weights are never packed
kernels/conv_winograd.c @ s/masks = true/masks = false/ @ test_winograd @ scratch over the masked gradient
kernels/winograd.c @ s/w->masked, t)/NULL, t)/ @ test_winograd @ what the ReLU stopped goes on
train/optim.c @ s/(1 - FN_STAT_KEEP) \*/FN_STAT_KEEP */ @ test_statistics @ a running statistic keeps too little
train/optim.c @ s/(p->g\[i\] - p->w\[i\])/p->g[i]/ @ test_statistics @ a running statistic never fades
train/optim.c @ s/q->trained ? kinds\[o->o.kind\].update/true ? kinds[o->o.kind].update/ @ test_statistics @ a statistic is stepped like a weight
kernels/batchnorm.c @ s/\*var = squares \/ count/*var = squares \/ (count - 1)/ @ test_statistics @ running variances of samples
train/optim.c @ s/norm > (double)most/norm < (double)most/ @ test_optim @ what is short is clipped
train/optim.c @ s/(double)most \/ norm/norm \/ (double)most/ @ test_optim @ clipping lengthens
train/optim.c @ s/most > 0 \&\& // @ test_optim @ no limit is a limit of 0
kernels/launch.cuh @ s/gridDim.x \* blockDim.x;/gridDim.x * blockDim.x + 1;/ @ test_ops_cuda @ a stride that leaves one out
kernels/channels.cuh @ 0,/    __syncthreads();/s/    __syncthreads();// @ test_ops_cuda @ no barrier before a block's sums
kernels/channels.cuh @ /    __syncthreads();/{x;s/^/x/;/^xx$/{x;d};x} @ test_ops_cuda @ no barrier before the grid's sums
kernels/channels.cuh @ s/row < (int)blockDim.y; row++/row < (int)blockDim.y - 1; row++/ @ test_ops_cuda @ a row is not in the sum
kernels/batchnorm.cuh @ s/ - of.less.v\[k\] - along/ - of.less.v[k]/ @ test_ops_cuda @ backward drops a term
kernels/batchnorm.cuh @ s/!(normalised(s, x, k) > 0)/!(x.v[k] > 0)/ @ test_ops_cuda @ the mask of x instead of y
kernels/batchnorm.cu @ s/= read<N>(x + pivot_row(.*;/= {};/;s/(double)as_float(x\[pivot_row.*;/0;/ @ test_ops_cuda @ a variance as a difference of large numbers
kernels/pool.cuh @ s/beyond \/ p.stride + 1/beyond \/ p.stride/ @ test_ops_cuda @ a window too many
kernels/maxpool.cu @ s/v.v\[k\] > best->v/v.v[k] >= best->v/ @ test_ops_cuda @ the last tie wins
kernels/maxpool.cu @ s/taps <= 256/taps <= 512/ @ test_ops_cuda @ notes that do not fit a byte
kernels/l2pool.cu @ s/by.v\[k\] > 0 ? \(.*\) : 0;/\1;/ @ test_ops_cuda @ 0 divided by 0
kernels/lrn.cuh @ s/from >= 0 \&\& from < channels/true/ @ test_ops_cuda @ a window reaches into the next pixel
kernels/lrn.cuh @ s/\* x.v\[on\] \* p.factor \* p.inverse/* x.v[on] * p.factor/ @ test_ops_cuda @ the wrong power in the gradient
kernels/prelu.cu @ s/+= v.v\[k\] > 0 ? 0 : dv/+= dv/ @ test_ops_cuda @ a slope learns from what is above 0
kernels/concat.cuh @ s/column >= in.end/column > in.end/ @ test_ops_cuda @ off by one
kernels/fork.cu @ s/r = 1; r < FN_MAX_OUT/r = 2; r < FN_MAX_OUT/ @ test_ops_cuda @ a reader's gradient is forgotten
kernels/bnjoin.cu @ s/c.relu = m.relu >> c.input/c.relu = m.relu/ @ test_ops_cuda @ the relu of another input
kernels/bnjoin.cu @ s/w\[4 \* fn_bnjoin_norms(a, i) + k\]/w[k]/ @ test_ops_cuda @ the first norm is everybody's
kernels/bnjoin.cu @ s/for (int i = 0; l->mean/for (int i = 1; l->mean/ @ test_ops_cuda @ running statistics in training
kernels/bnjoin_cuda.c @ s/l->mean + first, l->var + first/l->mean, l->var/ @ test_ops_cuda @ statistics fall on each other
kernels/bnpool.cu @ s/factor.v\[k\] < 0 ? -1.0f/factor.v[k] < 0 ? 1.0f/ @ test_ops_cuda @ the greatest x where a gain is negative
kernels/bnpool_cuda.c @ s/winners.rows = .*/winners.pixels = winners.rows = rows_of(c->y[0].shape);/ @ test_ops_cuda @ a mean over what has won alone
kernels/concat.cuh @ s/my_column() - p.first\] = (float)sum/my_column()] = (float)sum/ @ test_ops_cuda @ a bias's gradient in another's place
kernels/convs.cu @ s/v.v\[k\] > 0 ? g.v\[k\] : 0/g.v[k]/ @ test_ops_cuda @ no mask of the relu
kernels/convs_cuda.c @ s/b += (size_t)a->out\[i\] .*;/b += 0;/ @ test_ops_cuda @ biases fall on each other
kernels/fork.cuh @ s/r = 1; r < FN_MAX_OUT/r = 2; r < FN_MAX_OUT/ @ test_ops_cuda @ a reader's gradient is forgotten
kernels/join.cu @ s/bool cut = relu >> i/bool cut = relu >> 1/ @ test_ops_cuda @ the relu of another input
kernels/join.cu @ s/in.at\[i\] = (bias++)->data/in.at[i] = bias->data/ @ test_ops_cuda @ the first bias is everybody's
kernels/pool_half.cuh @ s/if (v\[k\] > best->v/if (v[k] >= best->v/ @ test_ops_cuda @ the last tie wins
kernels/pool_half.cuh @ s/challenge(\&top, bottom, 6)/challenge(\&top, bottom, 3)/ @ test_ops_cuda @ a note of the wrong row
kernels/pool_half.cuh @ s/        top = bottom;/        top = middle;/ @ test_ops_cuda @ the wrong row is carried on
kernels/poolnorm.cuh @ s/k < 3 \* N; k++) {$/k < 2 * N + HALF; k++) {/ @ test_ops_cuda @ a neighbour's neighbour without its bias
kernels/poolnorm_back.cu @ s/add_if_won(\&sum->right, right, tap)/(void)right/ @ test_ops_cuda @ a window on the right is forgotten
kernels/poolnorm_back.cu @ s/row <= end; row++/row < end; row++/ @ test_ops_cuda @ the row between two bands is not written
kernels/poolnorm_back.cu @ s/a.relu \&\& !(v.v\[N + k\] > 0)/false/ @ test_ops_cuda @ no mask of the relu
nn/lower_convs.c @ s/place\[k\] = same < k ? place\[same\] : ways++/place[k] = ways++/ @ test_lower_gpu @ an output for each convolution of a group
nn/lower_gpu.c @ s/        attr.bias = attr.relu = 0;/        attr.relu = 0;/ @ test_plan_cuda @ a bias is added twice
nn/lower_convs.c @ s/b->relu != a->relu/false/ @ test_lower_gpu @ a relu where there was none
nn/lower_gpu.c @ s/ \&\& !norms_behind(g, conv)// @ test_lower_gpu @ a bias beside a batch norm gets lost
nn/lower_gpu.c @ s/before > 0 \&\& a->eps != attr->eps/false/ @ test_lower_gpu @ norms of two eps are one
nn/memory.c @ s/ \&\& !before->op->twins// @ test_memory @ an op overwrites what its twin's reader needs
kernels/rows.cuh @ s/by > 0; by/by > 1; by/ @ test_ops_cuda @ half of the lanes are not in the sum
kernels/rows.cuh @ s/w.row - (int).*lanes < rows/w.row < rows/ @ test_ops_cuda @ lanes that do not come to a shuffle
tests/emu/cuemu.hpp @ s/if (waiting/if (false \&\& waiting/;s/fail("threads of one block.*/;/ @ test_emu @ the emulation does not see a divergent barrier
tests/emu/cuemu.hpp @ s/if (!(mask >> g.lane \& 1))/if (false)/ @ test_emu @ the emulation does not look at masks
tests/emu/cuemu.hpp @ s/if (\*seed == 1)/if (false)/;s/\*seed > 1/false/ @ test_emu @ one order of threads only
train/feed_cuda.c @ s/FN_TRY(fn_event_follow(p->used, FN_QUEUE_UPLOADS));// @ test_feed_cuda @ faces fall on those that are being cut
train/feed_cuda.c @ s/FN_TRY(fn_event_follow(p->uploaded, FN_QUEUE_WORK));// @ test_feed_cuda @ faces are cut before they are there
train/feed_cuda.c @ s/FN_TRY(fn_event_wait(place_of(f, f->sent - 1)->uploaded));/;/ @ test_feed_cuda @ pinned memory is decoded into before it has left
train/feed_cuda.c @ s/FN_TRY(fn_event_record(p->used, FN_QUEUE_WORK));// @ test_feed_cuda @ nobody says that faces are cut
train/feed_cuda.c @ s/return fn_event_record(p->uploaded, FN_QUEUE_UPLOADS);/return FN_OK;/ @ test_feed_cuda @ nobody says that faces are there
train/feed_cuda.c @ s/\.flip = v->flip/.flip = 0/ @ test_feed_cuda @ no face is mirrored
data/tray.c @ s/if (!t->waiting\[i\].rgb)/if (false)/ @ test_loader_faces @ what had room is lost when a tray grows
data/tray.c @ s/atomic_store(&t->used, 0)/(void)t/ @ test_loader_faces @ a tray is never empty again
data/loader.c @ s/is_ready(l) \&\& place_of(l, l->next)->status == FN_OK/is_ready(l)/ @ test_loader_faces @ a piece that has failed is ready
tests/emu/queue.c @ s/if (pace == FN_EMU_AT_ONCE.*/if (true)/ @ test_emu @ the emulated queues are never late
train/optim.c @ s/if (p->param\[i\].trained)/if (true)/ @ test_optim @ statistics count in the norm
train/stepper_cpu.c @ s/fn_optim_clip(t->gradient, c->clip)/1/ @ test_chunk.py @ nothing is clipped
kernels/bf16.h @ s/bits >> 16 \& 1/1/ @ test_precision @ ties are not even
kernels/bf16.h @ s/> 0x7f800000/> 0x7fffffff/ @ test_precision @ what is no number becomes one
kernels/precision.c @ s/if (exact)/if (false)/ @ test_precision @ exact in bf16
kernels/conv_direct.c @ s/inside.x.type = inside.w.type = low(c);// @ test_precision @ forward stays in float
kernels/conv_direct.c @ s/inside.w.type = inside.y.type = low(c);// @ test_precision @ a gradient is taken for what it is not
kernels/bytes.h @ s/x + 0.5F/x/ @ test_format @ cut instead of rounded
kernels/bytes.h @ s/bits < end ? bits : end/bits/ @ test_format @ bytes run over
kernels/bytes.h @ s/bits > 0 ? bits : 0/bits/ @ test_format @ negative numbers
kernels/bytes.h @ s/r.least < 0 ? FN_S8/false ? FN_S8/ @ test_u8 @ images lose their sign
kernels/bytes.h @ s/ \&\& r.least >= 0//  @ test_u8 @ what has a sign becomes FN_U8
kernels/conv_u8.c @ s/a->relu \&\& c->y/false \&\& c->y/ @ test_u8 @ the fused relu is forgotten
kernels/conv_u8.c @ s/ \* t \/ step/ * t/ @ test_u8 @ y forgets its step
kernels/conv_u8.c @ s/bias\[o\] \/ step/bias[o]/ @ test_u8 @ the bias forgets the step of y
kernels/conv_u8.c @ s/most \/ 127 : 1/most \/ 127 : 0/ @ test_u8 @ weights of nothing lose the bias
kernels/concat_cpu.c @ s/c->x\[i\].step = c->y\[0\].step/c->x[i].step = 1/ @ test_u8 @ parts of other steps
kernels/lrn_cpu.c @ s/g.attr.alpha \*=/g.attr.k +=/ @ test_u8 @ squares of steps for squares
kernels/l2pool_cpu.c @ s/return step \* step/return step/ @ test_u8 @ the step of a square
kernels/avgpool_cpu.c @ s/= step \* fn_load/= fn_load/ @ test_u8 @ a mean of steps
kernels/format.c @ s/c->y\[0\].step = c->x\[0\].step;/;/ @ test_u8 @ maxpool loses the step
nn/gauge.c @ s/x\[i\] > r.most/x[i] < r.most/ @ test_u8 @ the least for the most
nn/lower.c @ s/ \&\& v->step == as.step// @ test_lower @ bytes of another step are taken as they are
nn/lower_ranges.c @ s/fn_is(n, "concat") ?/false ?/ @ test_lower @ a concat has to convert its parts
nn/lower_ranges.c @ s/return unknown;/return r;/ @ test_lower @ bytes for a reader that takes none
infer/pass.c @ s/!isfinite(e\[i\])/false/ @ test_session_low @ damage is rounded away
infer/pass.c @ s/s->precision == FN_PRECISION_U8 \&\&/false \&\&/ @ test_session_low @ an uncalibrated session embeds
train/trainer.c @ s/(fn_precision)c->precision/FN_PRECISION_FP32/ @ test_chunk.py @ train.precision does not reach the plan
kernels/mine.cu @ s/v.away\[k\] < far/v.away[k] <= far/ @ test_triplet_cuda @ the last tie wins
kernels/mine.cu @ s/unsigned who = __reduce_min_sync(WHOLE_WARP, bits == best/unsigned who = __shfl_sync(WHOLE_WARP, at, 0); (void)(bits == best/ @ test_triplet_cuda @ the first lane's choice is the warp's
kernels/mine.cu @ s/v.away\[k\] > floor/v.away[k] >= floor/ @ test_triplet_cuda @ as near as the positive is semi-hard
kernels/mine.cu @ s/(double)v.away\[n\] < (double)v.d/(double)v.away[n] <= (double)v.d/ @ test_triplet_cuda @ the end of the window
kernels/mine.cu @ s/r.fallback == FN_TRIPLET_FARTHEST_NEGATIVE ?/true ?/ @ test_triplet_cuda @ one fallback for the other
kernels/mine.cu @ s/return inside ? n : otherwise/return inside ? n : -1/ @ test_triplet_cuda @ a fallback is dropped
kernels/mine.cu @ s/k != v.anchor \&\& v.d\[k\] > far/v.d[k] > far/ @ test_triplet_cuda @ an anchor is its own positive
kernels/mine.cu @ /faces = listed;/,/view v/s/__syncthreads();// @ test_triplet_cuda @ no barrier behind the list of faces
kernels/mine.cu @ /draw_negatives(b/,/mine_pairs/s/__syncthreads();// @ test_triplet_cuda @ no barrier behind the draws
kernels/mine.cu @ /of\[warp_of_block()\] = s/,/for/s/__syncthreads();// @ test_triplet_cuda @ no barrier before the sum of warps
kernels/mine.cu @ s/v.same\[k\] <= i; k++/v.same[k] < i; k++/ @ test_triplet_cuda @ the draw of a negative finds a positive
kernels/mine.cu @ s/if (who \&\& lane_of_warp() == 0)/if (who)/ @ test_triplet_cuda @ every lane counts for its warp
kernels/mine.cu @ s/atomicAdd(&c\[n\], -1);// @ test_triplet_cuda @ negatives are not pushed away
kernels/mine.cu @ s/s.sick || refused/refused/ @ test_triplet_cuda @ a sick embedding is passed over
kernels/mine.cu @ s/s.sick || refused/s.sick/ @ test_step_cuda @ a batch without pairs is learnt from
kernels/mine.cu @ s/FN_TRIPLET_ACTIVE ? one_over(s.above)/FN_TRIPLET_ACTIVE ? mean/ @ test_triplet_cuda @ the mean over the wrong triplets
kernels/philox.cuh @ s/i < 10; i++/i < 9; i++/ @ test_triplet_cuda @ a round of Philox is missing
kernels/triplet.cu @ s/far < 0 ? 0 : far/far/ @ test_triplet_cuda @ rounding below 0
kernels/triplet.cu @ /__shared__ float tile/,/^}/s/__syncthreads();// @ test_triplet_cuda @ no barrier within a tile of distances
kernels/triplet.cu @ /load_pairs(&near/,/for (int j/s/__syncthreads();// @ test_triplet_cuda @ no barrier behind the loads
kernels/triplet.cu @ /other < b.n; other/,/load_pairs/s/__syncthreads();// @ test_triplet_cuda @ no barrier before the loads
kernels/triplet.cu @ s/near.out\[mine + r\]\[j\] + // @ test_triplet_cuda @ positives and negatives get no gradient
kernels/reduce.cuh @ /part\[warp_of_block/,/for/s/__syncthreads();// @ test_update_cuda @ no barrier before the parts of a sum
kernels/update.cu @ s/s->fix_m = .*/s->fix_m = 1;/ @ test_update_cuda @ no correction of the bias
kernels/update.cu @ s/pow((double)beta, (double)steps)/pow((double)beta, (double)steps - 1)/ @ test_update_cuda @ the correction is a step behind
kernels/update.cu @ s/p.decayed ? r.decay : 0/r.decay/ @ test_update_cuda @ all weights decay
kernels/update.cu @ s/p.trained \&\& k < p.count/k < p.count/ @ test_update_cuda @ statistics count in the norm
kernels/update.cu @ s/ \&\& is_finite(s->loss)// @ test_update_cuda @ a sick loss is learnt from
kernels/update.cu @ s/s->steps += s->sound/s->steps++/ @ test_update_cuda @ a skipped step counts
kernels/update.cu @ s/at = whole + (int)threadIdx.x/at = end/ @ test_update_cuda @ the end of a piece is left out
kernels/update.cu @ s/double g = (double)u.g\[p.at + k\]; *$/float g = u.g[p.at + k];/ @ test_update_cuda @ squares overflow
kernels/update.cu @ s/(1 - keep) \*/keep */ @ test_update_cuda @ a running statistic keeps too little
kernels/update.cu @ s/ || s->skipped >= r.patience// @ test_update_cuda @ a run that was given up goes on
kernels/update.cu @ s/p.trained ? 1 : share/1/ @ test_update_cuda @ the statistics of a chunk count whole
kernels/update.cu @ s/sum\[k\] += by/sum[k] = by/ @ test_update_cuda @ the last chunk's gradients alone
train/step_cuda.c @ s/s->told_since++ \* room/0 * room/ @ test_step_cuda @ a step is told over another
train/mine.c @ s/alike == n ? alike \* (n - 1) : pairs/pairs/ @ test_mine @ one person alone is accepted
nn/home.c @ s/h->grad = h->beside->grad;/h->grad = NULL;/ @ test_plan_cuda @ a plan beside another without its gradients
kernels/gpu_cuda.c @ s/g->floats, from + at,/g->floats, from,/ @ test_plan_cuda @ every piece of what is rounded is the first
train/trainer.c @ s/size_t faces = fn_trainer_size_of(t).faces;/size_t faces = 0;/ @ test_chunk_cuda @ no room is left for faces
train/feed_cuda.c @ s/PLACES \* (faces + views)/faces + views/ @ test_chunk_cuda @ one place of faces is told of
kernels/gpu_cuda.c @ s/to + at, g->floats/to, g->floats/ @ test_plan_cuda @ pieces come back one over the other
train/optim_cuda.c @ s/left < PIECE ? left : PIECE/PIECE/ @ test_update_cuda @ a piece reaches into the next parameter
train/optim_cuda.c @ s/{.steps = \*fn_optim_steps(o->host)}/{.steps = 0}/ @ test_update_cuda @ an optimizer forgets its steps
train/step_cuda.c @ s/.seed = o->mine.seed/.seed = 0/ @ test_step_cuda @ the draws are of another seed
kernels/augment.cu @ s/v.flip ? s.width - 1 - column - i : column + i/column + i/ @ test_augment_cuda @ nothing is mirrored
kernels/augment.cu @ s/reach = step > 1 ? step : 1/reach = 1/ @ test_augment_cuda @ the filter does not widen
kernels/augment.cu @ /make_filters<SIDE>(x/,/if (row/s/__syncthreads();// @ test_augment_cuda @ no barrier behind the filters
kernels/augment.cu @ s/clamp(row, v.height - 1)/clamp(row, v.height - 2)/ @ test_augment_cuda @ the last row is not seen
kernels/augment.cu @ s/first + k < 12/first + k < 11/ @ test_augment_cuda @ a channel of a square is lost
kernels/conv_cuda.c @ s/if (!c->fed)/if (true)/ @ test_plan_cuda @ squares are made of images that are not there
nn/plan.c @ s/n->call.fed = p->home.fed = /p->home.fed = / @ test_plan_cuda @ the first node does not know that it is fed
train/feed_cuda.c @ s/if (!squares)/if (true)/ @ test_train_cuda @ crops where squares are read
kernels/augment.cu @ s/SIDE + k \/ SIDE - s.pad/SIDE + k % SIDE - s.pad/ @ test_augment_cuda @ squares are turned
train/checkpoint.c @ s/FN_GO(state_load(p.state, c));// @ test_checkpoint @ the optimizer starts anew
train/checkpoint.c @ s/        c->record = m->record;// @ test_checkpoint @ a resumed run has forgotten its step
train/checkpoint.c @ s/i < n - keep \&\&/i < n - keep - 1 \&\&/ @ test_checkpoint @ a checkpoint too many stays
train/checkpoint.c @ s/int i = n - 1; i >= 0/int i = n > 0 ? 0 : -1; i >= 0/ @ test_checkpoint @ the oldest is taken
train/checkpoint.c @ s/ \&\& rc != FN_ECONFIG// @ test_checkpoint @ another network is passed over
train/checkpoint.c @ s/digits == 9 \&\&/digits > 0 \&\&/;s/ \&\& strlen(name) == 14// @ test_checkpoint @ a draft is taken for a checkpoint
train/manifest.c @ s/strcmp(digest, e.digest) != 0/false/ @ test_manifest @ digests are not compared
data/sampler.c @ s/step, (uint32_t)at)/0, (uint32_t)at)/ @ test_sampler @ the same faces at every step
data/sampler.c @ s/if (is_taken(to, s->pairs, person))/if (false)/ @ test_sampler @ a negative is a positive
data/sampler.c @ s/if (count < 2)/if (count < 1)/ @ test_sampler @ people without a pair
train/schedule.c @ s/(double)(step + 1) \/ (double)s->warmup/(double)step \/ (double)s->warmup/ @ test_schedule @ the first step has no rate
train/schedule.c @ s/(1 + cos(pi \* x)) \/ 2/cos(pi * x)/ @ test_schedule @ a cosine goes below 0
export/onnx_ops.c @ s/"transB", 1/"transB", 0/ @ test_onnx_check @ a matrix is not turned
export/onnx_ops.c @ s/float share = sqrtf(share_of(w))/float share = share_of(w)/ @ test_onnx_check @ the mean of squares for its root
export/onnx_ops.c @ s/sum ? 1 : share_of(w)/1/ @ test_onnx_check @ a sum for a mean
export/onnx_ops.c @ s/if (a.relu)/if (false)/ @ test_onnx_check @ fused ReLUs are not written
export/onnx_ops.c @ s/fn_lower_fold(kernel, bias, w->node, w->params)/memcpy(kernel, w->params->value + p->offset, (size_t)p->count * sizeof *kernel)/ @ test_onnx_check @ a folded norm is forgotten
export/safetensors.c @ s/(json_int_t)at + (json_int_t)bytes_of(a))/(json_int_t)at)/ @ test_onnx_check @ weights without a length
export/safetensors.c @ s/        at += bytes_of(a);// @ test_onnx_check @ every weight is the first
export/safetensors.c @ s/fn_weights_difference(stored, ours, a->count)/0/ @ test_onnx_check @ what is read back is not compared
infer/calibrate.c @ s/fn_pass_check(s, .*;/FN_OK;/ @ test_session_low @ calibrated on what is not finite
infer/calibrate.c @ s/fn_view_centre(s->view)/fn_view_centre(1)/ @ test_session_low @ calibrated on another crop
infer/calibrate.c @ s/if (n < 1)/if (n < 0)/ @ test_session_low @ calibrated on nothing
nn/params.c @ s,sqrt(2.0 / ,sqrt(1.0 / , @ test_params @ half the variance of He
nn/gauge.c @ s/        g->at = 1;/        g->at = g->at ? g->at : 1;/ @ test_session_low @ the second face runs over the list
core/rng.c @ s,i < ROUNDS; i++,i < ROUNDS - 1; i++, @ test_rng @ a round of Philox is missing
data/pack_part.c @ s/ == h->crc \&\&/ == h->crc | 1 \&\&/ @ test_pack_part @ a torn record is taken
data/pack_part.c @ s/h->body <= left - h->key;/true;/ @ test_pack_part @ a record that is longer than its file
train/trainer.c @ s/.first_step = t->record.step/.first_step = 0/ @ test_chunk.py @ a resumed run sees its first batches again
train/stepper_cpu.c @ s/o.step = (uint64_t)t->record.step/o.step = 0/ @ test_train_cuda @ every step draws the same negatives
kernels/implicit.c @ s/memset(to, 0, (size_t)(g->pad \* in) \* sizeof \*to);// @ test_implicit @ no padding on the left
kernels/implicit.c @ s/from + i >= g->x_high) {/from + i > g->x_high) {/ @ test_implicit @ a line below the image
kernels/implicit.c @ s/ .relu = g->relu};/ .relu = false};/ @ test_implicit @ the fused relu is forgotten
kernels/implicit.c @ s/t.bias = v->u + p.first;/t.bias = v->u;/ @ test_implicit @ every panel has the first one's biases
kernels/implicit.c @ s/to += pixel_of(g), x += g->in/to += g->in, x += g->in/ @ test_implicit @ rows are not where the tiles read them
kernels/implicit.c @ s/while (pixels % n)/while (false)/ @ test_implicit @ lines with a rest
kernels/implicit_back.c @ s/if (i < 0 || i >= g->y_high) {/if (i < 0) {/ @ test_implicit @ a gradient below the image
kernels/implicit_back.c @ s/pixel\[k\] = 0;/;/ @ test_implicit @ a part's padding is not zeroed
kernels/implicit_back.c @ s/y ? y + at : NULL, g->y_wide/NULL, g->y_wide/ @ test_implicit @ what the ReLU stopped goes on
kernels/implicit_pack.c @ s/o < p.columns ? bias\[p.part\]\[p.at + o\] : 0/bias[p.part][o]/ @ test_implicit @ a second panel's biases are the first's
ROWS
)

word=${1:-} only_rows=
[ "$word" != --rows ] || { word='' only_rows=yes; }
tree=$(mktemp -d /tmp/mutate-XXXXXX)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/build"
cp -r CMakeLists.txt .clang-format bench cmake cli configs core data eval export include infer \
    kernels nn tests train "$tree" 2>/dev/null
sed -i 's/-Werror//' "$tree/cmake/Warnings.cmake" # a mistake may leave a variable unused
ln -s "$PWD/build/venv" "$tree/build/venv"

configure() {
    cmake -S "$tree" -B "$tree/build" -G Ninja -DFN_NATIVE=OFF \
        -DCMAKE_CUDA_ARCHITECTURES=90-real >"$tree/log" || { cat "$tree/log"; exit 1; }
    if ! grep -q '/test_emu:' <<<"$(ninja -C "$tree/build" -t targets all)"; then
        echo "skipped, without CUDA: $(grep -cE '@ test_(emu|[a-z_]*cuda) @' <<<"$rows") rows"
        rows=$(grep -vE '@ test_(emu|[a-z_]*cuda) @' <<<"$rows")
    fi
}
target() { # test: what to build
    case $1 in *.py) echo facenet ;; *) echo "$1" ;; esac
}
start() { # test
    case $1 in
        *.py) FN_BIN=$tree/build/bin timeout 300 build/venv/bin/python3 "$tree/tests/$1" ;;
        *) timeout 300 "$tree/build/bin/$1" ;;
    esac
}
catches() { # test: a check fails, or the process dies; what comes after that is not waited for
    ! (start "$1" 2>&1 | sed '/^not ok/q' >"$tree/log") 2>/dev/null
}
pass_as_they_are() {
    for test in $(grep -F -- "$word" <<<"$rows" | cut -d@ -f3 | sort -u); do
        if ! ninja -C "$tree/build" "$(target "$test")" >"$tree/log" 2>&1 || catches "$test"; then
            echo "$test does not pass as it is; its log:" && tail -20 "$tree/log"
            exit 1
        fi
    done
}
[ -n "$only_rows" ] || { configure && pass_as_they_are; }

missed=0
verdict() { # word, row's file, what
    printf '%-8s %s: %s\n' "$1" "$2" "$3"
    [ "$1" = caught ] || missed=$((missed + 1))
}
while IFS='@' read -r file script test what; do
    file=${file% } script=${script% } script=${script# } test=${test// /} what=${what# }
    cp "$tree/$file" "$tree/kept"
    sed -i "$script" "$tree/$file"
    if cmp -s "$tree/kept" "$tree/$file"; then
        verdict 'OLD ROW' "$file" "$what"
    elif [ -n "$only_rows" ]; then
        : # it can be planted
    elif ! ninja -C "$tree/build" "$(target "$test")" >"$tree/log" 2>&1; then
        verdict BROKEN "$file" "$what"
    elif catches "$test"; then
        verdict caught "$file" "$what"
    else
        verdict MISSED "$file" "$what"
    fi
    cp "$tree/kept" "$tree/$file"
done < <(grep -F -- "$word" <<<"$rows")
exit $((missed > 0))
