// greet - a plugin in C++: try /greet?name=you, and /greet without a name.
//
// The class is the plugin: its constructor opens, serve answers, the destructor closes. An
// exception that leaves serve becomes a line in the log and an error page; none ever leaves the
// plugin.
#include <gale/gale.hpp>

namespace
{

class greeter
{
  public:
    explicit greeter(gale_app *app) : greeting_(gale_setting(app, "greeting", "good day"))
    {
    }

    int serve(gale_request *req, gale_response *res)
    {
        const std::string name = gale_request_query(req, "name", "");
        if (name.empty())
            throw gale::failure(400, "nobody to greet: add ?name=you");
        return gale::reply(res, 200, "text/plain; charset=utf-8", greeting_ + ", " + name + "\n");
    }

  private:
    std::string greeting_;
};

const char *const keys[] = {"greeting", 0};

} // namespace

GALE_PLUGIN(p)
{
    p->name = "greet";
    p->version = "1.0";
    p->keys = keys;
    gale::use<greeter>(p);
}
