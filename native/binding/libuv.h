// What we call of libuv, with handles that are opaque: Node-API's headers, which suffice for all
// the rest, come without uv.h, and no binary of ours depends on the layout of a handle. libuv keeps
// these functions and the number for all of 1.x. Source: https://docs.libuv.org/en/v1.x/
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct uv_loop_s;
struct uv_handle_s;
struct uv_timer_s;
struct uv_poll_s;

std::size_t uv_handle_size(int type);
uv_loop_s* uv_handle_get_loop(const uv_handle_s* handle);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
void uv_unref(uv_handle_s* handle);
void uv_close(uv_handle_s* handle, void (*closed)(uv_handle_s* handle));

int uv_timer_init(uv_loop_s* loop, uv_timer_s* handle);
int uv_timer_start(uv_timer_s* handle, void (*rang)(uv_timer_s* handle), std::uint64_t timeout,
                   std::uint64_t repeat);

int uv_poll_init(uv_loop_s* loop, uv_poll_s* handle, int descriptor);
int uv_poll_start(uv_poll_s* handle, int events,
                  void (*ready)(uv_poll_s* handle, int status, int events));

void uv_update_time(uv_loop_s* loop);
std::uint64_t uv_now(const uv_loop_s* loop);

}  // extern "C"

namespace superslab {

/// UV_POLL, UV_TIMER
constexpr int kUvPoll = 8;
constexpr int kUvTimer = 13;
/// UV_READABLE
constexpr int kUvReadable = 1;

}  // namespace superslab
