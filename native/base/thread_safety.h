// Clang's thread-safety attributes: which lock guards what, checked by `npm run check:locks`. Other
// compilers see nothing of them. https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
//
// What a fork's child, a destructor or a constructor does with guarded data is not checked: one
// thread is all there is then.
#pragma once

#if defined(__clang__)
#define SUPERSLAB_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define SUPERSLAB_THREAD_SAFETY(attribute)
#endif

/// On a class: it is a lock.
#define CAPABILITY(name) SUPERSLAB_THREAD_SAFETY(capability(name))
/// On a class: its constructor takes a lock and its destructor releases it.
#define SCOPED_CAPABILITY SUPERSLAB_THREAD_SAFETY(scoped_lockable)
/// On a member: it is read and written with the lock held; on a pointer, what it points to.
#define GUARDED_BY(lock) SUPERSLAB_THREAD_SAFETY(guarded_by(lock))
#define PT_GUARDED_BY(lock) SUPERSLAB_THREAD_SAFETY(pt_guarded_by(lock))
/// On a function: the caller holds the lock, or must not hold it.
#define REQUIRES(...) SUPERSLAB_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SUPERSLAB_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
/// On a function: it takes the lock, tries to, or releases it.
#define ACQUIRE(...) SUPERSLAB_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) SUPERSLAB_THREAD_SAFETY(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) SUPERSLAB_THREAD_SAFETY(release_capability(__VA_ARGS__))
/// On a function: it ends the process, in builds with assertions, unless the caller holds the lock.
#define ASSERT_CAPABILITY(...) SUPERSLAB_THREAD_SAFETY(assert_capability(__VA_ARGS__))
/// On a function or a lambda, which does not know that its caller holds the lock: it is not
/// checked. A comment says why it may do what it does.
#define NO_THREAD_SAFETY_ANALYSIS SUPERSLAB_THREAD_SAFETY(no_thread_safety_analysis)
