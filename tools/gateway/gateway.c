// What several parts of the gateway need of it.
#include "gateway.h"

struct postern_options gateway_client_options(const struct gateway *gateway)
{
    const struct options *options = &gateway->options;
    return (struct postern_options){
        .url = options->url[0] != '\0' ? options->url : NULL, .timeout_ms = options->timeout_ms, .fail_fast = true};
}
