// Leased blocks, and their sharing between threads. A ticket is a string in JavaScript.
#include "binding/objects.h"
#include "heap/migrator.h"
#include "pools/buffer/ticket_text.h"

namespace superslab {
namespace {

/// False when argument `i` is no ticket's text.
bool ticket_at(const CallbackInfo& info, std::size_t i, ShareTicket& ticket) {
  // UTF-8, not Latin-1, which would take other characters for those with the same low byte.
  char text[kTicketTextLength + 2];  // one more character than a ticket has, and a terminating zero
  std::size_t length = 0;
  const napi_status status =
      napi_get_value_string_utf8(info.Env(), info[i], text, sizeof text, &length);
  return status == napi_ok && read_ticket(text, length, ticket);
}

/// The memory of a Float64Array with two places or more; nullptr for anything else.
double* pair_at(const CallbackInfo& info, std::size_t i) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[i], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_float64_array || length < 2) return nullptr;
  return static_cast<double*>(data);
}

Value fault_value(const CallbackInfo& info, LeaseFault fault) {
  return Napi::Number::New(info.Env(), static_cast<double>(fault));
}

/// `capacity(block)`: 0 for no leased block.
Value capacity(const CallbackInfo& info, Evaluation& own) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(block_at(info, 0, own.space()).capacity));
}

/// `share(block, length)`: the ticket's text, or a LeaseFault.
Value share(const CallbackInfo& info, Evaluation& own) {
  ShareTicket ticket;
  const ByteCount length = whole_at(info, 1, block_at(info, 0, own.space()).capacity).value_or(0);
  if (length == 0) return fault_value(info, LeaseFault::kRefused);
  const LeaseFault fault =
      own.process().leases().share(&own.environment, block_number_at(info, 0), length, ticket);
  if (fault != LeaseFault::kNone) return fault_value(info, fault);
  char text[kTicketTextLength];
  write_ticket(ticket, text);
  napi_value out = nullptr;
  napi_create_string_latin1(info.Env(), text, sizeof text, &out);
  return Value(info.Env(), out);
}

/// `adopt(text, out)`: a LeaseFault; the block's number and the lease's length in out[0] and
/// out[1].
Value adopt(const CallbackInfo& info, Evaluation& own) {
  ShareTicket ticket;
  double* const out = pair_at(info, 1);
  if (out == nullptr) return fault_value(info, LeaseFault::kRefused);
  if (!ticket_at(info, 0, ticket)) return fault_value(info, LeaseFault::kForged);
  const AdoptedLease lease = own.process().leases().adopt(&own.environment, ticket);
  out[0] = to_word(lease.block);
  out[1] = static_cast<double>(lease.length);
  if (lease.fault == LeaseFault::kNone) {
    Space& space = own.space();
    Migrator::note_use_here(space.os(), space.superslab(superslab_of(lease.block)));
  }
  return fault_value(info, lease.fault);
}

/// `revoke(text)`: a LeaseFault.
Value revoke(const CallbackInfo& info, Evaluation& own) {
  ShareTicket ticket;
  if (!ticket_at(info, 0, ticket)) return fault_value(info, LeaseFault::kForged);
  return fault_value(info, own.process().leases().revoke(ticket));
}

/// `releaseShared(block)`
void release_shared(const CallbackInfo& info, Evaluation& own) {
  own.process().leases().release(&own.environment, block_number_at(info, 0));
}

/// `sharedReferences(block)`: leases and tokens of a shared block, of all threads.
Value shared_references(const CallbackInfo& info, Evaluation& own) {
  return Napi::Number::New(info.Env(), own.process().leases().references(block_number_at(info, 0)));
}

Value outstanding_tokens(const CallbackInfo& info, Evaluation& own) {
  return Napi::Number::New(info.Env(), static_cast<double>(own.process().leases().outstanding()));
}

}  // namespace

void add_lease_methods(Methods& methods) {
  add_bound_method<Evaluation, capacity>(methods, "capacity");
  add_bound_method<Evaluation, share>(methods, "share");
  add_bound_method<Evaluation, adopt>(methods, "adopt");
  add_bound_method<Evaluation, revoke>(methods, "revoke");
  add_bound_method<Evaluation, release_shared>(methods, "releaseShared");
  add_bound_method<Evaluation, shared_references>(methods, "sharedReferences");
  add_bound_method<Evaluation, outstanding_tokens>(methods, "outstandingTokens");
}

}  // namespace superslab
