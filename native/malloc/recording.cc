#include "malloc/recording.h"

namespace superslab {

constinit Recorder Recording::recorder_{trace::Source::kMalloc};

[[gnu::tls_model("initial-exec")]] constinit thread_local TraceWriter Recording::writer_;

}  // namespace superslab
