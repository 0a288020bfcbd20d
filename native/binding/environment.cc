#include "binding/environment.h"

#include <algorithm>
#include <utility>

namespace superslab {

Environment::Environment(Napi::Env env, ProcessPools& process)
    : env_(env), process_(process), timer_(LoopTimer::make(env, wake, this)) {
  const napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, Napi::String::New(env, "superslab"),
      1,  // one call in the queue: it looks at everything that was asked for
      1, nullptr, nullptr, this, call_signal, &signal_);
  if (status == napi_ok) {
    napi_unref_threadsafe_function(env, signal_);  // it must not keep the process alive
  } else {
    signal_ = nullptr;  // the thread is told to stop, and hears of nobody any more
  }
  process_.note_environment_begins();
  // Hooks run last in, first out: this one before that of the signal, which then still exists.
  napi_add_env_cleanup_hook(env, on_cleanup, this);
}

void Environment::wake(void* environment) {
  // Full queue: a call is on its way. Closing: the environment ends, and end() does what was asked.
  napi_threadsafe_function signal = static_cast<Environment*>(environment)->signal_;
  if (signal != nullptr) napi_call_threadsafe_function(signal, nullptr, napi_tsfn_nonblocking);
}

/// On the environment's thread. A call that was under way when the environment began to stop finds
/// no JavaScript to run in; end() does what it was about.
void Environment::call_signal(napi_env env, napi_value, void* environment, void*) {
  if (env != nullptr) static_cast<Environment*>(environment)->tell_evaluations();
}

void Environment::tell_evaluations() {
  // What is called may begin another evaluation.
  std::vector<napi_ref> signals;
  for (const Evaluation& evaluation : evaluations_) {
    if (!evaluation.has_ended()) signals.push_back(evaluation.on_signal);
  }
  napi_value undefined = nullptr;
  if (napi_get_undefined(env_, &undefined) != napi_ok) return;
  for (const napi_ref signal : signals) {
    napi_value on_signal = nullptr;
    if (napi_get_reference_value(env_, signal, &on_signal) != napi_ok || on_signal == nullptr)
      continue;
    napi_call_function(env_, undefined, on_signal, 0, nullptr, nullptr);
    // Of one evaluation; the others hear of their own all the same.
    bool has_thrown = false;
    napi_value error = nullptr;
    if (napi_is_exception_pending(env_, &has_thrown) == napi_ok && has_thrown &&
        napi_get_and_clear_last_exception(env_, &error) == napi_ok)
      napi_fatal_exception(env_, error);
  }
}

Evaluation* Environment::begin_evaluation(napi_value on_signal) {
  if (evaluations_.size() == static_cast<std::size_t>(kLastEvaluation)) return nullptr;
  napi_ref signal = nullptr;
  if (napi_create_reference(env_, on_signal, 0, &signal) != napi_ok) return nullptr;
  const EvaluationId id{static_cast<std::uint32_t>(evaluations_.size() + 1)};
  Evaluation& evaluation =
      evaluations_.emplace_back(Evaluation{*this, id, signal, ShownWindows(space())});
  auto link = std::make_unique<Link>(Link{self_, evaluation});
  const napi_status status = napi_add_finalizer(
      env_, on_signal, link.get(),
      [](napi_env, void* data, void*) {
        const std::unique_ptr<Link> own(static_cast<Link*>(data));
        if (*own->environment != nullptr) (*own->environment)->end_evaluation(own->evaluation);
      },
      nullptr, nullptr);
  if (status != napi_ok) {
    evaluations_.pop_back();
    napi_delete_reference(env_, signal);
    return nullptr;
  }
  static_cast<void>(link.release());
  return &evaluation;
}

Evaluation* Environment::evaluation(EvaluationId id) {
  const auto place = static_cast<std::size_t>(id);
  if (place == 0 || place > evaluations_.size()) return nullptr;
  Evaluation& found = evaluations_[place - 1];
  return found.has_ended() ? nullptr : &found;
}

void Environment::end_evaluation(Evaluation& evaluation) {
  napi_delete_reference(env_, evaluation.on_signal);
  evaluation.shown_windows.reset();
  own_windows_->forget(evaluation.id);
  // Its buffers are gone with it, but not what the program may have made of them: views. So what
  // was leased stays so for ever, as when a buffer is dropped without a release.
  for (EnvironmentPool& pool : pools_) {
    if (&pool.evaluation == &evaluation) close_pool(pool);
  }
}

/// A cache over `own`, or over the default pool.
EnvironmentPool* Environment::attach(Evaluation& evaluation, BufferPool* own, NodeOrdinal node) {
  BufferPool& pool = own == nullptr ? process_.default_pool() : *own;
  BufferThreadCache* cache = BufferThreadCache::attach(pool, wake, this, node);
  if (cache == nullptr) return nullptr;
  const PoolId id{static_cast<std::uint32_t>(pools_.size())};
  return &pools_.emplace_back(
      EnvironmentPool{*this, id, evaluation, own, {cache, process_.id_of(pool)}});
}

EnvironmentPool* Environment::open_pool(Evaluation& evaluation, const Policy* policy,
                                        std::string_view name, bool has_colours, bool has_nodes) {
  const std::size_t shares = has_nodes ? space().os().node_count() : 1;
  if (pools_.size() + shares > kMaxPools) return nullptr;
  BufferPool* own =
      policy == nullptr ? nullptr : process_.make_pool(*policy, name, has_colours, shares > 1);
  if (policy != nullptr && own == nullptr) return nullptr;
  EnvironmentPool* const opened = attach(evaluation, own, 0);
  if (opened == nullptr && own != nullptr) process_.retire_pool(own);
  if (opened == nullptr || shares == 1) return opened;
  opened->has_shares = true;
  for (std::size_t node = 1; node < shares; ++node) {
    EnvironmentPool* const share = attach(evaluation, own, static_cast<NodeOrdinal>(node));
    if (share == nullptr) {
      close_pool(*opened);
      return nullptr;
    }
    share->has_shares = true;
  }
  return opened;
}

void Environment::fold() {
  for (const EnvironmentPool& pool : pools_) {
    if (pool.cache() != nullptr) pool.cache()->fold();
  }
}

void Environment::detach(EnvironmentPool& pool) {
  if (pool.records != nullptr) pool.records->end();
  pool.records.reset();
  pool.values.reset();
  pool.pages.reset();
  pool.cache()->detach();
  pool.account.cache = nullptr;
  if (pool.own == nullptr) return;
  bool is_shared = false;
  for_each_share(pool, [&](const EnvironmentPool&) { is_shared = true; });
  if (!is_shared) process_.retire_pool(pool.own);
}

void Environment::close_pool(EnvironmentPool& pool) {
  if (pool.cache() == nullptr || pool.is_closed) return;
  pool.is_closed = true;
  if (pool.own == nullptr) {
    detach(pool);  // the default heap goes on without this thread's caches
    return;
  }
  if (pool.values != nullptr) pool.values->close();
  if (pool.pages != nullptr) pool.pages->close();
  pool.cache()->close();
  for_each_share(pool, [](EnvironmentPool& share) {
    share.is_closed = true;
    share.cache()->close();
  });
  pool.own->close();
  settle_closed();
}

bool Environment::settle_closed() {
  for (EnvironmentPool& pool : pools_) {
    // Only pools with a heap of their own are closed, so the budget is theirs alone.
    if (pool.is_closed && pool.cache() != nullptr && pool.own->budget().charged() == 0)
      detach(pool);
  }
  return process_.sweep();
}

std::uint32_t Environment::leased_in(SliceIndex slice) const {
  std::uint32_t cached = 0;
  for (const EnvironmentPool& pool : pools_) {
    if (pool.cache() != nullptr) cached += pool.cache()->cached_in(slice);
  }
  const std::uint32_t out = count_out_of(space(), slice);
  return out - std::min(out, cached);
}

void Environment::on_cleanup(void* environment) { static_cast<Environment*>(environment)->end(); }

/// Nobody else looks at the memory of the environment's pools any more.
void Environment::end_others() {
  for (EnvironmentPool& pool : pools_) {
    if (pool.records != nullptr) pool.records->end();
    if (pool.values != nullptr) pool.values->close();
    if (pool.pages != nullptr) pool.pages->close();
  }
}

void Environment::end() {
  *self_ = nullptr;
  if (timer_ != nullptr) timer_->silence();
  end_others();
  EndLedger ledger(space(), process_.leases(), this);
  own_windows_->end(
      [&](BlockNumber block, bool is_parked) { ledger.add_awaited(block, is_parked); });
  for (EnvironmentPool& pool : pools_) ledger.add_pool(pool.account);
  ledger.settle();
  for (EnvironmentPool& pool : pools_) {
    if (pool.cache() != nullptr) detach(pool);
  }
  process_.note_environment_ended();
  // No cache is left, so nobody can call wake() any more. The signal is Node's to close: releasing
  // it from a cleanup hook aborts Node 24 and 26.
  delete this;
}

}  // namespace superslab
