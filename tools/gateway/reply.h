// A reply of libpostern as a JSON object, member by member.
#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

#include <jansson.h>

// With server_time_ms beside the protocol's fields; page tokens in the alphabet of Base64 that URLs take as it is.
json_t *reply_json(const void *reply);

#endif
