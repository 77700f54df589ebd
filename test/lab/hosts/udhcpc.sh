#!/bin/sh
# Run by udhcpc: $1 is the event, the lease is in the environment.
case "$1" in
  deconfig) ip -4 addr flush dev "$interface" ;;
  bound | renew)
    ip -4 addr replace "$ip/$mask" dev "$interface"
    [ -n "${router:-}" ] && ip -4 route replace default via "${router%% *}" dev "$interface"
    # Speak once, as devices do: the ARP for the router tells the switch which address this is.
    ping -q -c 1 -W 1 "${router%% *}" >/dev/null 2>&1 &
    ;;
esac
exit 0
