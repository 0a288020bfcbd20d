// The native surface as lib/addon/binding.ts declares it.
#include "binding/calls.h"

static Napi::Object init_superslab(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new superslab::EnvironmentSlot);
  superslab::export_pool_calls(exports);
  superslab::export_block_calls(exports);
  superslab::export_share_calls(exports);
  superslab::export_upkeep_calls(exports);
  superslab::export_inspect_calls(exports);
  superslab::export_stats_calls(exports);
  superslab::export_secret_calls(exports);
  superslab::export_guard_calls(exports);
  superslab::export_table_calls(exports);
  return exports;
}
NODE_API_MODULE(superslab, init_superslab)
