/* From a network's output to its best classes. */
#ifndef CLARUS_SCORES_H
#define CLARUS_SCORES_H

#include "lowered.h"

typedef struct scores scores;

/* Whether the graph's first output, of `classes` values per picture, is a softmax over them already. Looks at
 * the operations, never at values. */
int scores_are_softmax(const lowered_graph *graph, int64_t classes);

/* needs_softmax: apply the softmax of numerics.md section 6. */
clarus_status scores_create(clarus_context *context, int64_t classes, int needs_softmax, scores **out,
                            clarus_error *error);
/* All classes of picture `item` of the output, best first; equal ones by index, NaN behind all others. Labels
 * are left NULL. The array belongs to the scores until the next call. */
clarus_status scores_sort(scores *s, const clarus_tensor *output, int64_t item, clarus_score **sorted,
                          clarus_error *error);
void scores_free(scores *s);

#endif
