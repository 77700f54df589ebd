/*
 * Names that IOS and IOS XE print in place of numbers: Cisco IOS Security Command Reference, `permit (IP)`, tables of TCP and
 * UDP port names, `permit (IPv6)`, and ICMP message types. ICMP names that stand for a type *and a code* are left out on
 * purpose: codes are not modelled.
 */
function table(text: string): ReadonlyMap<string, number> {
  return new Map(Array.from(text.matchAll(/(\S+) (\d+)/g), ([, name = '', number]) => [name, Number(number)]));
}

export const protocolNames = table(
  'ahp 51 eigrp 88 esp 50 gre 47 igmp 2 ipinip 4 ospf 89 pcp 108 pim 103 sctp 132 tcp 6 udp 17',
);

export const tcpPorts = table(
  'bgp 179 chargen 19 cmd 514 daytime 13 discard 9 domain 53 echo 7 exec 512 finger 79 ftp 21 ftp-data 20 gopher 70 ' +
    'hostname 101 ident 113 irc 194 klogin 543 kshell 544 login 513 lpd 515 msrpc 135 nntp 119 pim-auto-rp 496 pop2 109 ' +
    'pop3 110 smtp 25 sunrpc 111 syslog 514 tacacs 49 talk 517 telnet 23 time 37 uucp 540 whois 43 www 80',
);

export const udpPorts = table(
  'biff 512 bootpc 68 bootps 67 discard 9 dnsix 195 domain 53 echo 7 isakmp 500 mobile-ip 434 nameserver 42 ' +
    'netbios-dgm 138 netbios-ns 137 netbios-ss 139 non500-isakmp 4500 ntp 123 pim-auto-rp 496 rip 520 snmp 161 ' +
    'snmptrap 162 sunrpc 111 syslog 514 tacacs 49 talk 517 tftp 69 time 37 who 513 xdmcp 177',
);

export const icmpTypes = table(
  'echo-reply 0 unreachable 3 source-quench 4 redirect 5 echo 8 router-advertisement 9 router-solicitation 10 ' +
    'time-exceeded 11 parameter-problem 12 timestamp-request 13 timestamp-reply 14 information-request 15 ' +
    'information-reply 16 mask-request 17 mask-reply 18 traceroute 30',
);

export const icmp6Types = table(
  'destination-unreachable 1 packet-too-big 2 time-exceeded 3 parameter-problem 4 echo-request 128 echo-reply 129 ' +
    'mld-query 130 mld-report 131 mld-reduction 132 router-solicitation 133 router-advertisement 134 nd-ns 135 nd-na 136 ' +
    'redirect 137 router-renumbering 138',
);
