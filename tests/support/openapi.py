#!/usr/bin/env python3
"""Asks a running gateway for all that its OpenAPI document describes, and compares the answers with the document.

    openapi.py URL ENDPOINT_C ADMIN_TOKEN OPERATOR_TOKEN TOKENS

ENDPOINT_C: the gateway's table of paths: the document has all of /v1 that is there. TOKENS: the tokens that were made
are added to this file. Schemas are taken strictly: an answer has what the document names, and nothing else.
"""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import jsonschema

WRONG_TOKEN = "postern_test_wrong"


def strict(schema):
    """The same schema, whose objects hold nothing else than what it names."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: strict(value) for name, value in schema.items()}
    if inner.get("type") == "object" and "properties" in inner:
        inner["additionalProperties"] = False
    return inner


class Gateway:
    def __init__(self, url):
        self.url = url
        self.document = self.ask("GET", "/v1/openapi.json", None)[1]
        self.asked = set()  # operations that were answered well
        self.operations = {operation["operationId"]: (method.upper(), path, operation)
                           for path, item in self.document["paths"].items() for method, operation in item.items()}

    def ask(self, method, path, token, query=(), body=None):
        """Returns the status, the body and the headers."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers

    def resolve(self, part):
        while "$ref" in part:
            at = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                at = at[name]
            part = at
        return part

    def check(self, schema, value, what):
        whole = {**strict(schema), "components": strict(self.document["components"])}
        errors = list(jsonschema.Draft202012Validator(whole).iter_errors(value))
        if errors:
            sys.exit(f"{what}: {errors[0].json_path}: {errors[0].message}")

    def call(self, operation_id, status, token, key_id="", query=(), body=None):
        """Makes the call, whose answer has to be this one of those that the document has; returns its body."""
        method, path, operation = self.operations[operation_id]
        what = f"{method} {path} {list(query)} {body}"
        documented = {self.resolve(one)["name"] for one in operation["parameters"]}
        if {name for name, _ in query} - documented:
            sys.exit(f"{what}: the document does not have all of these parameters")
        if body is not None:
            self.check(operation["requestBody"]["content"]["application/json"]["schema"], body, what)
        got, answer, headers = self.ask(method, path.replace("{key_id}", key_id), token, query, body)
        if got != status or str(got) not in operation["responses"]:
            sys.exit(f"{what}: wanted {status}, got {got}: {answer}")
        described = self.resolve(operation["responses"][str(got)])
        kind = headers["Content-Type"]
        self.check(described["content"][kind]["schema"], answer, f"{what}: {got}")
        for name in described.get("headers", {}):
            if not headers[name]:
                sys.exit(f"{what}: {got} comes without {name}")
        if got < 300:
            self.asked.add(operation_id)
        return answer


def documented_paths(gateway):
    return {(method, re.sub(r"\{\w+\}", "*", path)) for method, path, _ in gateway.operations.values()}


def served_paths(endpoint_c):
    with open(endpoint_c, encoding="utf-8") as source:
        rows = re.findall(r'\{"([A-Z]+)", "(/v1/[^"]*)"', source.read())
    return set(rows) - {("GET", "/v1/openapi.json")}


def ask_for_everything(gateway, admin, operator, note):
    """The life of a key, and every list."""
    made = gateway.call("createKey", 201, admin, body={
        "name": "first", "environment": "LIVE", "type": "SECRET", "scopes": ["read"], "expires_at_ms": 0,
        "metadata": [{"key": "team", "value": "data"}], "limits": ["requests=5/min"],
        "allowed_addresses": ["192.0.2.0/24"]})
    key_id = made["key"]["key_id"]
    note.write(made["api_key"] + "\n")
    gateway.call("updateKey", 200, admin, key_id, body={"name": "second", "enabled": False, "limits": []})
    gateway.call("updateKey", 200, admin, key_id, body={"enabled": True, "not_before_ms": 0, "scopes": ["read"]})
    gateway.call("getKey", 200, admin, key_id)
    gateway.call("listKeys", 200, admin, query=[("with_unusual", "true"), ("state", "ACTIVE"), ("name_prefix", "sec"),
                                                ("metadata", "team=data"), ("environment", "LIVE"), ("scope", "read")])
    rolled = gateway.call("rollKey", 201, admin, key_id, body={"grace_ms": 60000})
    note.write(rolled["api_key"] + "\n")
    gateway.call("revokeKey", 200, admin, key_id, body={"reason": "tried"})
    gateway.call("deleteKey", 200, admin, key_id)
    gateway.call("getAccount", 200, admin)
    gateway.call("getLimits", 200, admin)
    gateway.call("getLimits", 200, admin, query=[("key_id", rolled["key"]["key_id"])])
    for bucket in ("hour", "day"):
        gateway.call("getUsage", 200, admin, query=[("bucket", bucket), ("from_ms", "0")])
    gateway.call("listChanges", 200, admin, query=[("page_size", "3")])
    gateway.call("listScopes", 200, admin)
    for operation in ("listAccounts", "listTiers"):
        gateway.call(operation, 200, operator, query=[("page_size", "1")])
        gateway.call(operation, 403, admin)
    gateway.call("getAccount", 200, operator)
    return key_id


def refuse_everybody(gateway, admin, key_id):
    """Each path says what is wrong: the token, a parameter, the method; and what is nobody's."""
    for operation_id, (method, path, operation) in gateway.operations.items():
        body = {} if operation.get("requestBody", {}).get("required") else None
        gateway.call(operation_id, 401, WRONG_TOKEN, key_id, body=body)
        gateway.call(operation_id, 401, None, key_id, body=body)
        got, problem, _ = gateway.ask(method, path.replace("{key_id}", key_id), admin, [("no-such", "1")], body)
        gateway.check({"$ref": "#/components/schemas/Problem"}, problem, path)
        if (got, problem["field"]) != (400, "no-such"):
            sys.exit(f"{method} {path}?no-such: {got} {problem}")
        if "{key_id}" in path:
            gateway.call(operation_id, 404, admin, "key_00000000000000A", body=body)
    for path in gateway.document["paths"]:
        got, problem, headers = gateway.ask("PUT", path.replace("{key_id}", key_id), admin)
        if got != 405 or not headers["Allow"]:
            sys.exit(f"PUT {path}: {got} {problem}")


def main():
    url, endpoint_c, admin, operator, tokens = sys.argv[1:]
    gateway = Gateway(url)
    differing = documented_paths(gateway) ^ served_paths(endpoint_c)
    if differing:
        sys.exit(f"only in the document, or only in the gateway: {sorted(differing)}")
    with open(tokens, "a", encoding="ascii") as note:
        key_id = ask_for_everything(gateway, admin, operator, note)
    if gateway.asked != set(gateway.operations):
        sys.exit(f"nobody asked for {sorted(set(gateway.operations) - gateway.asked)}")
    refuse_everybody(gateway, admin, key_id)


if __name__ == "__main__":
    main()
