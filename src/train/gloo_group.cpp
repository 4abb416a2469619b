// SPDX-License-Identifier: Apache-2.0
#include <cameo/train/gloo_group.hpp>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

#include <cameo/core/error.hpp>

// The only file that sees Gloo: LibTorch has its code, but not its headers.
#if CAMEO_HAVE_GLOO
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace cameo {

#if CAMEO_HAVE_GLOO

namespace {

// Without the place in Gloo's sources that its messages begin with.
std::string said(const std::string& text) {
    const auto line = text.substr(0, text.find('\n'));
    const auto place = line.starts_with('[') ? line.find("] ") : std::string::npos;
    return place == std::string::npos ? line : line.substr(place + 2);
}

// Whatever goes wrong between processes is the loss of one of them: their calls are right, or the trainer's tests fail.
template <class Work>
auto guarded(const std::string& doing, const Work& work) {
    try {
        return work();
    } catch (const Error&) {
        throw;
    } catch (const c10::Error& error) {
        throw Error(Errc::peer_lost, doing + ", got: " + said(error.what_without_backtrace()));
    } catch (const std::exception& error) {
        throw Error(Errc::peer_lost, doing + ", got: " + said(error.what()));
    }
}

// While processes meet, c10d writes what goes wrong to stderr, with stack traces. It is in the error that is thrown.
class Quiet {
  public:
    Quiet() {
        const std::lock_guard lock(mutex_);
        if (users_++ == 0) before_ = std::exchange(FLAGS_caffe2_log_level, 3);  // fatal only
    }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() {
        const std::lock_guard lock(mutex_);
        if (--users_ == 0) FLAGS_caffe2_log_level = before_;
    }

  private:
    static inline std::mutex mutex_;
    static inline int users_ = 0, before_ = 0;
};

c10::intrusive_ptr<c10d::Store> store_of(const ProcessPlace& place, std::chrono::milliseconds patience) {
    if (!place.file.empty()) {
        // A store would try for minutes to open what cannot be opened.
        const auto file = open(place.file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (file < 0)
            throw Error(Errc::io_failure, place.file.string() + ": " + std::generic_category().message(errno));
        close(file);
        auto store = c10::make_intrusive<c10d::FileStore>(place.file.string(), static_cast<int>(place.size));
        store->setTimeout(patience);
        return store;
    }
    c10d::TCPStoreOptions options;
    options.port = place.port;
    options.isServer = place.rank == 0 && !place.hosted;
    options.numWorkers = static_cast<std::size_t>(place.size);
    options.timeout = patience;
    auto store = c10::make_intrusive<c10d::TCPStore>(place.host, options);
    if (!place.hosted) return store;
    return c10::make_intrusive<c10d::PrefixStore>("cameo/" + std::to_string(place.attempt), store);
}

}  // namespace

struct GlooGroup::State {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
    std::string subject;

    // Gloo knows contiguous tensors in host memory.
    template <class Call>
    void through_host(const at::Tensor& tensor, const Call& call) {
        if (tensor.numel() == 0) return;
        const c10::NoGradGuard no_grad;
        std::vector<at::Tensor> here{tensor.detach().to(at::kCPU).contiguous()};
        guarded(subject, [&] { call(here)->wait(); });
        if (!here.front().is_alias_of(tensor)) tensor.copy_(here.front());
    }
};

GlooGroup::GlooGroup(const ProcessPlace& place, std::chrono::milliseconds patience)
    : rank_(place.rank), size_(place.size) {
    if (size_ == 1) return;
    const auto name = "process " + std::to_string(rank_) + " of " + std::to_string(size_);
    const auto meeting = place.file.empty() ? place.host + ":" + std::to_string(place.port) : place.file.string();
    const auto expected = name + ": expected all " + std::to_string(size_) + " of them at " + meeting + " within " +
                          std::to_string(patience.count() / 1000) + " s";
    state_ = std::make_unique<State>();
    state_->subject = name + ": expected the others of the run";
    const Quiet quiet;
    state_->group = guarded(expected, [&] {
        const auto store = store_of(place, patience);
        auto options = c10d::ProcessGroupGloo::Options::create(patience);
        const auto* const interface = std::getenv("GLOO_SOCKET_IFNAME");
        options->devices.push_back(interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                                        : c10d::ProcessGroupGloo::createDefaultDevice());
        return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(rank_), static_cast<int>(size_),
                                                           options);
    });
}

void GlooGroup::sum(const at::Tensor& tensor) {
    if (!state_) return;
    state_->through_host(tensor, [&](std::vector<at::Tensor>& here) { return state_->group->allreduce(here); });
}

void GlooGroup::broadcast(const at::Tensor& tensor) {
    if (!state_) return;
    state_->through_host(tensor, [&](std::vector<at::Tensor>& here) { return state_->group->broadcast(here); });
}

bool gloo_available() noexcept { return true; }

#else

struct GlooGroup::State {};

GlooGroup::GlooGroup(const ProcessPlace& place, std::chrono::milliseconds) : rank_(place.rank), size_(place.size) {
    if (size_ > 1)
        throw Error(Errc::device_unsupported,
                    "process " + std::to_string(rank_) + " of " + std::to_string(size_) +
                        ": expected a cameo that was built with Gloo's headers (Debian: libgloo-dev), got one without");
}

void GlooGroup::sum(const at::Tensor&) {}
void GlooGroup::broadcast(const at::Tensor&) {}

bool gloo_available() noexcept { return false; }

#endif

GlooGroup::GlooGroup(GlooGroup&&) noexcept = default;
GlooGroup& GlooGroup::operator=(GlooGroup&&) noexcept = default;
GlooGroup::~GlooGroup() = default;

}  // namespace cameo
