# What is shipped: the addon, linked from the core (a static library) and the binding; and, with
# glibc, libsuperslab.so, the same core behind malloc, for LD_PRELOAD and for C.
# Read by node-gyp and prebuildify. Files are found by scripts/sources.cjs, never listed here; the sources of
# codecs, where there are any, by scripts/codecs.cjs.
#
#   build_native_tests=1   adds the native tests, linked with a core that has its assertions on, and the
#                          addon by which test/misuse misuses buffers as native code does
#
# Thread-local storage: the traditional TLS dialect on purpose. -mtls-dialect=gnu2 is faster for a
# dlopened library, but before glibc 2.40 its slow path loses vector registers (glibc bug 31372),
# and a prebuilt binary meets such systems. The one hot thread-local pointer is declared
# initial-exec in the source instead.
#
# frame_limit: malloc serves threads with the smallest stacks, 16 KiB; test/shim/small_stack.c measures
# that a whole path takes 4 KiB at most. A warning, and an error in CI.
#
# libstdc++ is linked in, so that a prebuilt binary runs beside any; libgcc_s is not: Node.js itself
# needs it, and the static one would raise the glibc that is asked for (2.35 instead of 2.34).
# libsuperslab.so is preloaded into programs that have neither, and needs neither: in Release it is
# linked without the default libraries, so that the linker refuses what would bring them in. (g++
# adds -lm too, which every program would then load; and an archive's members come with their
# constructors, used or not.) Debug has calls left that Release has inlined, and takes the archives.
{
  "variables": {
    "build_native_tests%": 0,
    "frame_limit": "-Wframe-larger-than=2048",
    "has_malloc_library": "<!(node scripts/has-malloc-library.cjs)"
  },
  "target_defaults": {
    "include_dirs": ["native"],
    "cflags!": ["-Wno-unused-parameter", "-fno-omit-frame-pointer"],
    "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
               "-fno-plt", "-fno-semantic-interposition"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-std=c++17"],
    "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden"]
  },
  "targets": [
    {
      "target_name": "superslab_core",
      "type": "static_library",
      "sources": ["<!@(node scripts/sources.cjs core)"],
      "include_dirs": ["<!@(node scripts/codecs.cjs include)"],
      "defines": ["<!@(node scripts/codecs.cjs defines)"],
      "cflags": ["<(frame_limit)"],
      "configurations": {
        "Release": {
          "defines": ["NDEBUG"],
          "cflags": ["-O3"]
        }
      }
    },
    {
      "target_name": "superslab",
      "type": "loadable_module",
      "dependencies": ["superslab_core"],
      "sources": ["<!@(node scripts/sources.cjs binding)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # Swallow: a worker that is being terminated cannot take an exception, and must not abort for it.
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "ldflags": [
        "-Wl,-z,nodelete",
        "-Wl,--exclude-libs,ALL",
        "-Wl,--gc-sections",
        "-static-libstdc++"
      ],
      "configurations": {
        "Release": {
          "defines": ["NDEBUG"],
          "cflags": ["-O3"]
        }
      }
    }
  ],
  "conditions": [
    ["has_malloc_library==1", {
      "targets": [
        {
          "target_name": "superslab_malloc",
          "type": "shared_library",
          "product_name": "libsuperslab",
          "product_dir": "<(PRODUCT_DIR)",
          "dependencies": ["superslab_core"],
          "sources": ["<!@(node scripts/sources.cjs malloc shim)"],
          # What defines malloc must not have a pair of calls in it turned into a call of itself.
          "cflags": ["-fno-builtin-malloc", "-fno-builtin-calloc", "-fno-builtin-realloc", "-fno-builtin-free",
                     "<(frame_limit)"],
          # now: binding a symbol at its first call may allocate, in the midst of an allocation.
          "ldflags": [
            "-Wl,-z,now",
            "-Wl,-z,nodelete",
            "-Wl,-z,defs",
            "-Wl,-soname,libsuperslab.so",
            "-Wl,--version-script=<(module_root_dir)/native/shim/exports.map",
            "-Wl,--gc-sections",
            "-pthread"
          ],
          "libraries": ["-lgcc", "-lc"],
          "configurations": {
            "Release": {
              "defines": ["NDEBUG"],
              "cflags": ["-O3"],
              "ldflags": ["-nodefaultlibs"]
            },
            "Debug": {
              "ldflags": ["-static-libstdc++", "-static-libgcc"]
            }
          }
        }
      ]
    }],
    ["build_native_tests==1", {
      "targets": [
        {
          "target_name": "superslab_core_checked",
          "type": "static_library",
          "sources": ["<!@(node scripts/sources.cjs core malloc)"],
          "include_dirs": ["<!@(node scripts/codecs.cjs include)"],
          "defines": ["_GLIBCXX_ASSERTIONS", "<!@(node scripts/codecs.cjs defines)"],
          "cflags!": ["-O3"],
          "cflags": ["-O1", "-g"]
        },
        {
          "target_name": "native_tests",
          "type": "executable",
          "dependencies": ["superslab_core_checked"],
          "sources": ["<!@(node scripts/sources.cjs tests)"],
          "include_dirs": ["test/native"],
          "defines": ["_GLIBCXX_ASSERTIONS"],
          "cflags!": ["-O3"],
          "cflags": ["-O1", "-g"],
          "ldflags": ["-pthread"]
        },
        {
          # No loadable_module: of the .node files in a folder, node-gyp-build loads the first.
          "target_name": "careless",
          "type": "shared_library",
          "product_dir": "<(PRODUCT_DIR)",
          "sources": ["test/misuse/support/careless.cc"],
          "defines": ["NAPI_VERSION=9"]
        }
      ]
    }]
  ]
}
