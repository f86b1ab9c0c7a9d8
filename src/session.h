/* What the rest of the library may know of a session. */
#ifndef CLARUS_SESSION_H
#define CLARUS_SESSION_H

#include "lowered.h"

/* The lowered graph that the session runs. */
const lowered_graph *session_graph(const clarus_session *session);

#endif
