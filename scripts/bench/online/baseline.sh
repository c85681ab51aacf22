#!/bin/bash
# The agent's main job as a plain shell script: what `npm run bench:online` measures the agent against.
#
#   baseline.sh CONFIG     CONFIG is sourced; baseline-config.ts writes it
#
# Same steps, same order, same durability: temporary secret from the provisioning key, hotspot, token, swap, the permanent secret
# stored, then the whole way again with it, and promoted. No sleeps and no polling: wpa_cli tells what happens on its output.
# Each step prints `step NAME SECONDS` when it is done. A device in the field needs more than this: nothing is tried again here.
# shellcheck disable=SC2154 # the variables of CONFIG
set -euo pipefail
# shellcheck disable=SC1090
source "$1"

done_with() { printf 'step %s %s\n' "$1" "$EPOCHREALTIME"; }

fail() {
  printf 'failed: %s\n' "$*" >&2
  exit 1
}

# --- derivation: openssl takes keys as parameters only, so `ps` shows them; the agent's stay in its memory ---

to_hex() {
  local text=$1 byte i
  hex=
  for ((i = 0; i < ${#text}; i++)); do
    printf -v byte %02x "'${text:i:1}"
    hex+=$byte
  done
}

# hkdf KEY LABEL [EXTRA]: the parameters of `openssl kdf` go to `kdf`
hkdf() {
  local info salt
  to_hex zipkey/v1 && salt=$hex
  to_hex "$2" && info=$hex
  to_hex "$account" && info+=00$hex
  to_hex "$device" && info+=00$hex
  [[ $# -lt 3 ]] || { to_hex "$3" && info+=00$hex; }
  kdf=(-keylen 32 -kdfopt digest:SHA256 -kdfopt "hexkey:$1" -kdfopt "hexsalt:$salt" -kdfopt "hexinfo:$info")
}

derive_hex() {
  hkdf "$@"
  local out
  out=$(openssl kdf "${kdf[@]}" HKDF)
  derived=${out//:/}
}

derive_password() {
  hkdf "$1" hotspot-password "$realm"
  derived=$(openssl kdf "${kdf[@]}" -binary HKDF | basenc --base64url)
  derived=${derived%=}
}

# The 32 bytes of a secret's text form, in hex; the last four bytes are its checksum.
secret_bytes() {
  local out
  out=$(basenc --base64url --decode <<<"${1:4}" | od -An -v -tx1 -N32)
  derived=${out//[[:space:]]/}
}

# --- hotspot: one wpa_cli for commands and events ---

events=

read_wpa() {
  IFS= read -r -t 30 line <&"${WPA[0]}" || fail "wpa_supplicant says nothing: $events"
  line=${line//$'\r'/}
  if [[ $line =~ \<[0-9]\>(.*) ]]; then
    events+="${BASH_REMATCH[1]}"$'\n'
    line=
    [[ $events != *CTRL-EVENT-EAP-FAILURE* ]] || fail "EAP: $events"
  fi
}

# tell COMMAND...: sends it; its answer (OK, or a number) goes to `line`. wpa_cli also repeats the command, behind a prompt.
tell() {
  printf '%s\n' "$*" >&"${WPA[1]}"
  line=
  until [[ $line =~ ^(OK|[0-9]+)$ ]]; do
    read_wpa
    [[ $line != FAIL* ]] || fail "wpa_supplicant refused $1 $2"
  done
}

wait_for() {
  while [[ $events != *"$1"* ]]; do read_wpa; done
}

open_interface() {
  [[ $(wpa_cli -g "$wpa_global" interface_add "$interface" '' "$driver" "$wpa_control") == *OK* ]] || fail "cannot use $interface"
  coproc WPA { exec wpa_cli -p "$wpa_control" -i "$interface"; }
  tell set fast_reauth 0
  if [[ $driver == wired ]]; then tell ap_scan 0; fi
}

# join CREDENTIAL_ID PASSWORD
join() {
  local setting
  local -a settings=(
    'eap TTLS' 'phase2 "auth=PAP"' "anonymous_identity \"anonymous@$account.$realm\""
    "identity \"$device+$1@$account.$realm\"" "password \"$2\"" "ca_cert \"$aaa_ca\"" "domain_match \"$aaa_name\""
  )
  if [[ $driver == wired ]]; then
    settings+=('key_mgmt IEEE8021X' 'eapol_flags 0')
  else
    settings+=("ssid \"$ssid\"" "scan_freq $frequencies" "freq_list $frequencies" 'proto RSN' 'key_mgmt WPA-EAP WPA-EAP-SHA256')
    settings+=('ieee80211w 2' 'proactive_key_caching 0')
  fi
  tell add_network
  network=$line
  for setting in "${settings[@]}"; do tell set_network "$network" "$setting"; done
  events=
  tell select_network "$network"
}

joined() {
  wait_for CTRL-EVENT-EAP-SUCCESS
  wait_for CTRL-EVENT-CONNECTED
  done_with associated
  busybox udhcpc -f -q -n -t 5 -T 1 -i "$interface" -s "$udhcpc_script" 2>/dev/null || fail 'no address'
  done_with joined
}

# --- Cloud API ---

base64url() {
  encoded=$(basenc --base64url --wrap=0)
  encoded=${encoded//=/}
}

# sign CREDENTIAL_ID API_KEY: the client assertion (RFC 7523) goes to `assertion`
sign() {
  local id payload
  read -r id </proc/sys/kernel/random/uuid
  printf -v payload '{"iss":"%s","sub":"%s","aud":"%s","iat":%d,"exp":%d,"jti":"%s"}' \
    "$account/$device" "$account/$device" "$cloud_issuer" "$EPOCHSECONDS" "$((EPOCHSECONDS + 60))" "$id"
  base64url < <(printf '{"alg":"HS256","kid":"%s"}' "$1") && assertion=$encoded
  base64url < <(printf %s "$payload") && assertion+=.$encoded
  base64url < <(printf %s "$assertion" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$2" -binary) && assertion+=.$encoded
}

ask() { curl --silent --show-error --fail-with-body --max-time 20 --cacert "$cloud_ca" "$@"; }

# member NAME JSON
member() {
  [[ $2 =~ \"$1\":\"([^\"]*)\" ]] || fail "no $1 in the answer: ${2:0:200}"
  member=${BASH_REMATCH[1]}
}

# get_token SCOPE: the token goes to `token`
get_token() {
  local form="grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
  local answer
  answer=$(ask --data @- "$cloud_url/v1/token" <<<"$form&client_assertion=$assertion") || fail "no token: $answer"
  member scope "$answer"
  [[ $member == "$1" ]] || fail "a token of scope $member"
  member access_token "$answer"
  token=$member
}

# --- durable files ---

write_durably() {
  printf '%s\n' "$2" >"$state/$1.new"
  sync "$state/$1.new"
  mv "$state/$1.new" "$state/$1"
  sync "$state"
}

# --- the whole way ---

umask 077
secret_bytes "$(<"$provisioning_key_file")"
derive_hex "$derived" temporary-secret
temporary_secret=$derived
done_with loaded

open_interface
if [[ $driver != wired ]]; then tell scan "freq=${frequencies// /,}"; fi
derive_password "$temporary_secret" # the radio scans meanwhile
password=$derived
if [[ $driver != wired ]]; then wait_for CTRL-EVENT-SCAN-RESULTS; fi
done_with scanned

join "t.$key_id" "$password"
derive_hex "$temporary_secret" api-key # EAP runs meanwhile
sign "t.$key_id" "$derived"
joined
get_token enrol
done_with authenticated

nonce=$(head -c 32 /dev/urandom | basenc --base64url)
nonce=${nonce%=}
write_durably nonce "$nonce"
answer=$(ask --config - --json "{\"nonce\":\"$nonce\"}" "$cloud_url/v1/device/credential" <<<"header = \"authorization: Bearer $token\"") ||
  fail "no permanent secret: $answer"
member secret_id "$answer" && secret_id=$member
member secret "$answer" && secret_text=$member
done_with issued
write_durably pending "$secret_id $secret_text"
done_with stored

tell remove_network "$network"
secret_bytes "$secret_text"
secret=$derived
derive_password "$secret"
join "s.$secret_id" "$derived"
derive_hex "$secret" api-key
sign "s.$secret_id" "$derived"
joined
get_token device
done_with authenticated

mv "$state/pending" "$state/current"
sync "$state"
done_with promoted
