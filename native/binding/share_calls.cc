// Sharing between threads. A ticket is a string in JavaScript.
#include "binding/calls.h"
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

/// `share(block, length)`: the ticket's text, or a LeaseFault.
Value share(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  ShareTicket ticket;
  const ByteCount length = whole_at(info, 1, block_at(info, 0).capacity).value_or(0);
  if (length == 0) return fault_value(info, LeaseFault::kRefused);
  const LeaseFault fault =
      environment.process().leases().share(&environment, block_number_at(info, 0), length, ticket);
  if (fault != LeaseFault::kNone) return fault_value(info, fault);
  char text[kTicketTextLength];
  write_ticket(ticket, text);
  napi_value out = nullptr;
  napi_create_string_latin1(info.Env(), text, sizeof text, &out);
  return Value(info.Env(), out);
}

/// `adopt(text, out)`: a LeaseFault; the block's number and the lease's length in out[0] and
/// out[1].
Value adopt(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  ShareTicket ticket;
  double* const out = pair_at(info, 1);
  if (out == nullptr) return fault_value(info, LeaseFault::kRefused);
  if (!ticket_at(info, 0, ticket)) return fault_value(info, LeaseFault::kForged);
  const AdoptedLease lease = environment.process().leases().adopt(&environment, ticket);
  out[0] = lease.block;
  out[1] = static_cast<double>(lease.length);
  return fault_value(info, lease.fault);
}

/// `revoke(text)`: a LeaseFault.
Value revoke(const CallbackInfo& info) {
  ShareTicket ticket;
  if (!ticket_at(info, 0, ticket)) return fault_value(info, LeaseFault::kForged);
  return fault_value(info, environment_of(info).process().leases().revoke(ticket));
}

void release_shared(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  environment.process().leases().release(&environment, block_number_at(info, 0));
}

/// `sharedReferences(block)`: leases and tokens of a shared block, of all threads.
Value shared_references(const CallbackInfo& info) {
  return Napi::Number::New(
      info.Env(), environment_of(info).process().leases().references(block_number_at(info, 0)));
}

Value outstanding_tokens(const CallbackInfo& info) {
  return Napi::Number::New(
      info.Env(), static_cast<double>(environment_of(info).process().leases().outstanding()));
}

}  // namespace

void export_share_calls(Napi::Object& exports) {
  export_function<share>(exports, "share");
  export_function<adopt>(exports, "adopt");
  export_function<revoke>(exports, "revoke");
  export_function<release_shared>(exports, "releaseShared");
  export_function<shared_references>(exports, "sharedReferences");
  export_function<outstanding_tokens>(exports, "outstandingTokens");
}

}  // namespace superslab
