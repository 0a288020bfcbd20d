// A second thread that does what it is told while the first waits: frees by another thread, in an
// order that the input alone decides.
#pragma once

#include <pthread.h>

class HelperThread {
 public:
  /// Runs work(argument) on the thread, which is started if there is none.
  void run(void (*work)(void*), void* argument) {
    pthread_mutex_lock(&lock_);
    work_ = work;
    argument_ = argument;
    if (!is_alive_) is_alive_ = pthread_create(&thread_, nullptr, serve, this) == 0;
    pthread_cond_broadcast(&changed_);
    while (is_alive_ && work_ != nullptr) pthread_cond_wait(&changed_, &lock_);
    pthread_mutex_unlock(&lock_);
  }

  /// Ends the thread, and its cache of blocks with it.
  void end() {
    if (!is_alive_) return;
    pthread_mutex_lock(&lock_);
    is_ending_ = true;
    pthread_cond_broadcast(&changed_);
    pthread_mutex_unlock(&lock_);
    pthread_join(thread_, nullptr);
    is_ending_ = is_alive_ = false;
  }

 private:
  static void* serve(void* self) {
    static_cast<HelperThread*>(self)->serve();
    return nullptr;
  }
  void serve() {
    pthread_mutex_lock(&lock_);
    while (!is_ending_) {
      if (work_ != nullptr) {
        work_(argument_);
        work_ = nullptr;
        pthread_cond_broadcast(&changed_);
      } else {
        pthread_cond_wait(&changed_, &lock_);
      }
    }
    pthread_mutex_unlock(&lock_);
  }

  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  pthread_t thread_{};
  bool is_alive_ = false;
  bool is_ending_ = false;
  void (*work_)(void*) = nullptr;
  void* argument_ = nullptr;
};
