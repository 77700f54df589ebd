#!/bin/bash
# Brings a real kube-apiserver (1.20.2) and etcd to a cache folder, and prints that folder.
#
#   test/lab/kubernetes/build.sh
#
# No package of Debian has the API server, but bookworm's *source* package `kubernetes` does, with all that it needs. It is compiled
# with bookworm's Go, once: about five minutes on two processors. Nothing is installed and no root is needed: packages are
# unpacked into the cache. CORDON_KUBERNETES_CACHE names another folder than ~/.cache/cordon/kubernetes.
set -euo pipefail

cache=${CORDON_KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cordon/kubernetes}
version=1.20.5+really1.20.2-1.1+deb12u1
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9 # two at the same time: the second finds it done
if [ -x "$cache/kube-apiserver" ] && [ -x "$cache/etcd" ]; then
  echo "$cache"
  exit 0
fi

started=$(date +%s)
say() { echo "$1 after $(($(date +%s) - started)) s" >&2; }
work=$cache/work
rm -rf "$work"
mkdir -p "$work"/apt/{lists,cache,status} "$work"/{packages,root,home,gopath/src/k8s.io}

# apt with lists of its own: this machine's need not have sources of source packages
cat > "$work/apt/sources.list" <<SOURCES
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
SOURCES
touch "$work/apt/status/status"
apt_get() {
  apt-get -q -y -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/apt/lists" \
    -o Dir::State::Status="$work/apt/status/status" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root "$@" >&2
}
apt_get update
cd "$work/packages"
apt_get source --download-only "kubernetes=$version"
apt_get download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server
for package in *.deb; do dpkg -x "$package" "$work/root"; done
install "$work/root/usr/bin/etcd" "$cache/etcd"
say 'packages are here'

tar xzf kubernetes_*.orig.tar.gz -C "$work/gopath/src/k8s.io"
tree=$work/gopath/src/k8s.io/kubernetes
mv "$work"/gopath/src/k8s.io/kubernetes-* "$tree"
# the reflect2 of that source crashes with Go 1.18 and newer
reflect2=$tree/vendor/github.com/modern-go/reflect2
rm -f "$reflect2"/*.go "$reflect2"/*.s
cp "$work"/root/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$reflect2"
rm -f "$reflect2"/*_test.go

export GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/gopath HOME=$work/home GOCACHE=$work/gocache
export PATH=$GOROOT/bin:$PATH CGO_ENABLED=0 GO111MODULE=off GOFLAGS= GOPROXY=off
# Debian keeps Go's own source apart, linked by absolute paths
[ -d "$GOROOT/src/runtime" ] || { rm -f "$GOROOT/src"; ln -s "$work/root/usr/share/go-1.19/src" "$GOROOT/src"; }
for part in api misc test pkg/include; do
  [ -e "$GOROOT/$part" ] || { rm -f "$GOROOT/$part"; ln -s "$work/root/usr/share/go-1.19/$part" "$GOROOT/$part"; }
done

cd "$tree"
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl --include='*.go' '^// +k8s:openapi-gen=true' staging/src/k8s.io pkg cmd | grep -v _test.go | xargs -n1 dirname | sort -u |
  sed 's#^staging/src/#k8s.io/kubernetes/vendor/#; s#^pkg#k8s.io/kubernetes/pkg#; s#^cmd#k8s.io/kubernetes/cmd#' | paste -sd,)
"$work/openapi-gen" -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -i "$packages" \
  -p k8s.io/kubernetes/pkg/generated/openapi --output-base "$GOPATH/src" -r "$work/violations.txt" >&2
say 'its description of itself is generated'

module=k8s.io/kubernetes/vendor/k8s.io/component-base/version
go build -p 2 -ldflags "-s -w -X $module.gitVersion=v1.20.2 -X $module.gitMajor=1 -X $module.gitMinor=20" -o "$work/kube-apiserver" ./cmd/kube-apiserver
mv "$work/kube-apiserver" "$cache/kube-apiserver"
say 'kube-apiserver is built'
cd "$cache"
chmod -R u+w "$work"
rm -rf "$work"
echo "$cache"
