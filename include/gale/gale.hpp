/* gale/gale.hpp - a thin coat for plugins in C++, from C++98 on: a function or a class as a plugin.
 *
 *   #include <gale/gale.hpp>
 *
 *   class hello {
 *   public:
 *       explicit hello(gale_app *app) : greeting_(gale_setting(app, "greeting", "hello")) {}
 *       int serve(gale_request *req, gale_response *res)
 *       {
 *           return gale::reply(res, 200, "text/plain",
 *                              greeting_ + ", " + gale::text(gale_request_below(req)) + "\n");
 *       }
 *   private:
 *       std::string greeting_;
 *   };
 *   static const char *const keys[] = {"greeting", 0};
 *   GALE_PLUGIN(p) { p->name = "hello"; p->keys = keys; gale::use<hello>(p); }
 *
 * Everything in gale.h can be used as it is. What this adds: exceptions that end in the log and
 * never in gale, a class whose constructor opens and whose destructor closes, and a few guards. An
 * exception that leaves serve becomes a line in the log and a 500; gale::failure carries another
 * status. */
#pragma once
#include <gale/gale.h>
#include <cerrno>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace gale
{

/* A gale_str as a string, and a string as a view of it. */
inline std::string text(gale_str view)
{
    return std::string(view.at, view.len);
}

inline gale_str view(const std::string &string)
{
    gale_str result = {string.data(), string.size()};
    return result;
}

inline int reply(gale_response *res, int status, const char *type, const std::string &body)
{
    return gale_reply_str(res, status, type, view(body));
}

inline int write(gale_response *res, const std::string &text)
{
    return gale_response_write(res, text.data(), text.size());
}

/* Thrown out of serve: answer with the error page of this status, 400 to 599. Not logged. */
class failure : public std::runtime_error
{
  public:
    explicit failure(int status, const std::string &why = "gale::failure")
        : std::runtime_error(why), status_(status)
    {
    }
    int status() const
    {
        return status_;
    }

  private:
    int status_;
};

/* Thrown where a call of gale's failed and the caller wants to be told by exception. As an
 * exception out of serve it is what returning the -errno is. */
class error : public std::runtime_error
{
  public:
    explicit error(int code) : std::runtime_error("gale::error"), code_(code)
    {
    }
    int code() const
    {
        return code_;
    }

  private:
    int code_;
};

/* A result that is no error, or gale::error. */
template <class Number> inline Number check(Number result)
{
    if (result < 0)
        throw error(static_cast<int>(result));
    return result;
}

/* Holds a gale_lock for a scope. */
class hold
{
  public:
    explicit hold(gale_lock *lock, int64_t timeout = -1) : lock_(lock)
    {
        check(gale_lock_acquire(lock, timeout));
    }
    ~hold()
    {
        gale_lock_release(lock_);
    }

  private:
    hold(const hold &);
    hold &operator=(const hold &);
    gale_lock *lock_;
};

/* ---- plugins ---- */

namespace detail
{

template <class App> struct instance {
    gale_app *app;
    App object;
    explicit instance(gale_app *owner) : app(owner), object(owner)
    {
    }
};

/* Called within a handler: what the exception in flight means to gale. */
inline int verdict(gale_app *app, const char *where, int otherwise)
{
    try {
        throw;
    } catch (const failure &thrown) {
        return thrown.status();
    } catch (const error &thrown) {
        return thrown.code();
    } catch (const std::bad_alloc &) {
        gale_log(app, GALE_ERROR, "%s: out of memory", where);
    } catch (const std::exception &thrown) {
        gale_log(app, GALE_ERROR, "%s: exception: %s", where, thrown.what());
    } catch (...) {
        gale_log(app, GALE_ERROR, "%s: an exception that is no std::exception", where);
    }
    return otherwise;
}

/* In open there is no page to send: each exception is a failure with its own words. */
inline int open_verdict(gale_app *app)
{
    try {
        throw;
    } catch (const failure &thrown) {
        gale_log(app, GALE_ERROR, "%s", thrown.what());
    } catch (...) {
        int result = verdict(app, "open", -EINVAL);
        return result < 0 ? result : -EINVAL;
    }
    return -EINVAL;
}

template <class App> int open(gale_app *app, void **out_state)
{
    try {
        *out_state = new instance<App>(app);
        return 0;
    } catch (...) {
        return open_verdict(app);
    }
}

template <class App> int serve(void *state, gale_request *req, gale_response *res)
{
    instance<App> *self = static_cast<instance<App> *>(state);
    try {
        return self->object.serve(req, res);
    } catch (...) {
        return verdict(self->app, "serve", 500);
    }
}

template <class App> void drain(void *state)
{
    instance<App> *self = static_cast<instance<App> *>(state);
    try {
        self->object.drain();
    } catch (...) {
        verdict(self->app, "drain", 0);
    }
}

template <class App> void close(void *state)
{
    delete static_cast<instance<App> *>(state);
}

} // namespace detail

/* The function, made safe: p->serve = gale::guarded<serve>. Before C++11 it must not be static. */
template <int (*function)(void *, gale_request *, gale_response *)>
int guarded(void *state, gale_request *req, gale_response *res)
{
    try {
        return function(state, req, res);
    } catch (...) {
        return detail::verdict(gale_request_app(req), "serve", 500);
    }
}

/* Makes App the plugin: App(gale_app *) opens, serve(req, res) serves, the destructor closes. */
template <class App> void use(gale_plugin *plugin)
{
    plugin->open = detail::open<App>;
    plugin->serve = detail::serve<App>;
    plugin->close = detail::close<App>;
}

/* The same for a class that has void drain(), too. */
template <class App> void use_with_drain(gale_plugin *plugin)
{
    use<App>(plugin);
    plugin->drain = detail::drain<App>;
}

} // namespace gale
