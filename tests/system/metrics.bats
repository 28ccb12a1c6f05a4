#!/usr/bin/env bats
# Metrics: what posternd writes for Prometheus, by the file and by Stats; the alerts and the dashboard that go with
# them.

load ../support/keys

setup() {
    note_failures_only
    noon_now
    make_home
    mkdir "$DAEMON_HOME/metrics"
    METRICS=$DAEMON_HOME/metrics/postern.prom
}

teardown() {
    local pid
    for pid in ${SCRAPERS-}; do
        kill -KILL "$pid"
        wait "$pid" 2>/dev/null || true
    done
    drop_daemon
}

# value SERIES: of the figures in $FIGURES.
value() {
    sed -n "s/^$(sed 's/[][*.]/\\&/g' <<<"$1") //p" "$FIGURES"
}

# shows SERIES VALUE: says what there is instead.
shows() {
    [ "$(value "$1")" = "$2" ] && return 0
    echo "wanted $1 $2, got $(value "$1")"
    return 1
}

ask_figures() {
    FIGURES=$DAEMON_HOME/figures
    postern stats --prometheus >"$FIGURES"
}

# Keys are counted in the background.
keys_are() {
    ask_figures
    [ "$(value "postern_keys{state=\"$1\"}")" = "$2" ]
}

# file_says SERIES VALUE: written every five seconds.
file_says() {
    FIGURES=$METRICS shows "$1" "$2"
}

# Ten calls: five allowed, three refused by a limit, one with another's token, one with a token that is none.
some_traffic() {
    local i
    postern tier put free --limit requests=5/day --limit tokens=unlimited --default
    postern account put acme
    make_key acme
    for i in 1 2 3 4 5 6 7 8; do
        postern verify - <<<"$TOKEN" || true
    done >/dev/null 2>&1
    printf 'postern_test_nobody' | postern verify - >/dev/null || true
    postern verify - --peek <<<"$TOKEN" >/dev/null || true
}

@test "the figures are right, promtool finds nothing wrong with them, and no account or key is among them" {
    start_daemon --metrics-file "$METRICS"
    some_traffic
    make_key acme soon --expires 5d
    make_key acme later --expires 20d
    make_key acme gone
    postern revoke "$KEY_ID" >/dev/null
    make_key acme off
    postern disable "$KEY_ID" >/dev/null
    poll 60 keys_are REVOKED 1
    poll 60 keys_are DISABLED 1
    shows 'postern_keys{state="ACTIVE"}' 4 # with the account's public one
    shows 'postern_keys_expiring{days="7"}' 1
    shows 'postern_keys_expiring{days="30"}' 2
    shows 'postern_keys_old{days="90"}' 0
    shows 'postern_decisions_total{reason="ALLOWED"}' 5
    shows 'postern_connections_closed_total{cause="displaced"}' 0
    shows 'postern_decisions_total{reason="RATE_LIMITED"}' 3
    shows 'postern_decisions_total{reason="INVALID_API_KEY"}' 1
    shows 'postern_decisions_total{reason="REVOKED_API_KEY"}' 0
    shows 'postern_limit_refusals_total{tier="free",resource="requests"}' 3
    shows 'postern_store_writable{store="meters"}' 1
    [ "$(value 'postern_store_fsync_duration_seconds_count{store="registry"}')" -ge 8 ]
    [ "$(value 'postern_store_commit_duration_seconds_bucket{store="registry",le="+Inf"}')" -ge 8 ]
    promtool check metrics <"$FIGURES"
    ! grep -E 'acme|key_|soon' "$FIGURES"
    poll 60 file_says 'postern_keys{state="DISABLED"}' 1
    promtool check metrics <"$METRICS"
    [ "$(stat -c %a "$METRICS")" = 644 ]
    # The same series by both ways.
    [ "$(grep -o '^[a-z_]*' "$METRICS" | sort -u)" = "$(grep -o '^[a-z_]*' "$FIGURES" | sort -u)" ]
}

@test "every sixteenth decision is timed, other calls are not" {
    start_daemon
    postern tier put free --limit requests=unlimited --default
    postern account put acme
    make_key acme
    TOKEN=$TOKEN PYTHONPATH=$SUPPORT python3 - <<'PYTHON'
import os, client
peer = client.Connection(os.environ["POSTERN_URL"])
verify, health = client.encode('verify { api_key: "%s" }' % os.environ["TOKEN"], "health {}")
peer.exchange([verify] * 64)
peer.exchange([health] * 64)
PYTHON
    ask_figures
    shows postern_decision_duration_seconds_count 4
    shows 'postern_decision_duration_seconds_bucket{le="+Inf"}' 4
    [[ "$(value postern_decision_duration_seconds_sum)" == *[1-9]* ]]
}

@test "Prometheus scrapes them a hundred times a second, and posternd does not notice" {
    local exporter_port prometheus_port home=$DAEMON_HOME/prometheus
    exporter_port=$(free_port)
    prometheus_port=$(free_port)
    start_daemon --metrics-file "$METRICS"
    some_traffic
    poll 60 file_says 'postern_decisions_total{reason="ALLOWED"}' 5
    mkdir "$home"
    cat >"$home/prometheus.yml" <<YAML
global: {scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 1s}
rule_files: ["$POSTERN_SOURCE/docs/prometheus/alerts.yml"]
scrape_configs:
  - job_name: postern
    static_configs:
$(seq 10 | sed "s/.*/      - {targets: ['127.0.0.1:$exporter_port'], labels: {n: '&'}}/")
YAML
    prometheus-node-exporter --collector.disable-defaults --collector.textfile \
        --collector.textfile.directory "$DAEMON_HOME/metrics" --web.listen-address "127.0.0.1:$exporter_port" \
        >"$home/exporter.log" 2>&1 3>&- &
    SCRAPERS=$!
    prometheus --config.file "$home/prometheus.yml" --storage.tsdb.path "$home/data" \
        --web.listen-address "127.0.0.1:$prometheus_port" >"$home/prometheus.log" 2>&1 3>&- &
    SCRAPERS="$SCRAPERS $!"
    cat >"$home/query.py" <<'PYTHON'
import json, sys, urllib.parse, urllib.request
url, query, least = sys.argv[1:]
with urllib.request.urlopen(f"{url}/api/v1/query?" + urllib.parse.urlencode({"query": query}), timeout=60) as answer:
    result = json.load(answer)["data"]["result"]
sys.exit(0 if result and float(result[0]["value"][1]) >= float(least) else f"{query}: {result}")
PYTHON
    query() {
        python3 "$home/query.py" "http://127.0.0.1:$prometheus_port" "$@"
    }
    # The newest of each, as a scrape that is late on a busy machine counts as a target that is gone.
    newest() {
        query "max(last_over_time($1[5m]))" "$2"
    }
    poll 300 newest 'postern_decisions_total{reason="ALLOWED"}' 5 || { cat "$home"/*.log; return 1; }
    poll 300 query 'sum(count_over_time(postern_uptime_seconds[5m]))' 100
    poll 300 newest 'postern_limit_refusals_total{tier="free",resource="requests"}' 3
    query 'count(count by (reason) (last_over_time(postern_decisions_total[5m])))' 15
    postern health
    ! grep -E ' error |the metrics' "$DAEMON_LOG"
}

@test "asked for again and again, the figures keep nobody from deciding" {
    start_daemon
    some_traffic >/dev/null
    TOKEN=$TOKEN PYTHONPATH=$SUPPORT timeout 300 python3 - <<'PYTHON'
import os, client
asks, calls = client.Connection(os.environ["POSTERN_URL"]), client.Connection(os.environ["POSTERN_URL"])
stats, verify = client.encode("stats { metrics: true }", 'verify { api_key: "%s" peek: true }' % os.environ["TOKEN"])
for _ in range(10):
    asks.send(*[stats] * 20)
    for _ in range(4):
        assert client.decode(*calls.exchange([verify]))[0]["verify"]["reason"]
    for reply in client.decode(*(asks.receive()[1] for _ in range(20))):
        assert len(reply["stats"]["metrics"]) > 100, reply
PYTHON
}

@test "a stop takes the file away, and one that cannot be written is said once and stops nothing" {
    start_daemon --metrics-file "$METRICS"
    poll 60 test -s "$METRICS"
    stop_daemon
    [ ! -e "$METRICS" ]
    mkdir "$METRICS" # no file can be put in its place
    start_daemon --metrics-file "$METRICS"
    grep "warning cannot write the metrics to $METRICS: " "$DAEMON_LOG"
    rmdir "$METRICS"
    poll 60 grep "info the metrics are written to $METRICS again" "$DAEMON_LOG"
    [ "$(grep -c 'cannot write the metrics' "$DAEMON_LOG")" -eq 1 ]
    [ "$(ls "$DAEMON_HOME/metrics")" = postern.prom ]
}

@test "the alerts are right and, as the dashboard, know no other figures than there are" {
    local name names
    start_daemon
    some_traffic
    poll 60 keys_are ACTIVE 2
    cd "$POSTERN_SOURCE"
    promtool check rules docs/prometheus/alerts.yml
    promtool test rules tests/support/alerts_test.yml
    jq -e '[.panels[] | select(.type != "row") | .targets | length > 0] | length > 10 and all' docs/grafana/postern.json
    names=$(grep -ohE 'postern_[a-z_]+[a-z]' docs/prometheus/alerts.yml docs/grafana/postern.json | sort -u)
    [ "$(wc -w <<<"$names")" -gt 20 ]
    for name in $names; do
        grep -qE "^$name(\{| )" "$FIGURES" || { echo "no such figure: $name"; return 1; }
    done
}
