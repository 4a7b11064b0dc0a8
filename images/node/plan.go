package main

import "strings"

// Versions of what is not a Go module of its own here; those stand in
// modules/*.mod. etcd's, CoreDNS's and pause's tags are the ones that kubeadm of
// this Kubernetes asks for ('kubeadm config images list').
const (
	kubernetesVersion = "v1.37.1"
	kubernetesMinor   = "37"
	etcdTag           = "3.7.0-0"
	coreDNSTag        = "v1.14.6"
	pauseTag          = "3.10.2"
	kindPauseTag      = "3.10" // sandbox_image in kind's containerd config
	localPathTag      = "v0.0.30"
	containerdVersion = "v2.3.4"
	crictlVersion     = "1.36.0"
	defaultTag        = "seatrial/node:" + kubernetesVersion
)

// program is a Go program that is built from the module proxy.
type program struct {
	Name    string   // of the binary, and of its part
	Module  string   // modules/Module.mod and .sum pin everything it is built from
	Package string   // what to build
	Main    string   // embedded file that serves as the module's own main.go, if any
	Node    string   // folder in the node's file system; "" where only a container has it
	Tags    string   // build tags, separated by commas
	Set     []string // variables that the linker sets, NAME=VALUE
	Static  bool     // links C statically; the others do without C
}

const (
	k8s        = "k8s.io/kubernetes/cmd/"
	containerd = "github.com/containerd/containerd/v2/cmd/"
	cniPlugins = "github.com/containernetworking/plugins/plugins/"
)

// Container runtimes that a node never selects are left out, as in kind's base image.
const noSnapshotters = "no_aufs,no_zfs,no_btrfs,no_devmapper"

var (
	k8sVersion = []string{
		"k8s.io/component-base/version.gitVersion=" + kubernetesVersion,
		"k8s.io/component-base/version.gitMajor=1",
		"k8s.io/component-base/version.gitMinor=" + kubernetesMinor,
		"k8s.io/client-go/pkg/version.gitVersion=" + kubernetesVersion,
	}
	containerdSet = []string{"github.com/containerd/containerd/v2/version.Version=" + containerdVersion}
)

// programs lists every Go program of the image. To add one: a line here, its
// modules/NAME.mod and .sum (see README.md), and a line in images if a pod runs it.
var programs = []program{
	{Name: "kubeadm", Module: "kubernetes", Package: k8s + "kubeadm", Node: "/usr/bin", Set: k8sVersion},
	{Name: "kubelet", Module: "kubernetes", Package: k8s + "kubelet", Node: "/usr/bin", Set: k8sVersion},
	{Name: "kubectl", Module: "kubernetes", Package: k8s + "kubectl", Node: "/usr/bin", Set: k8sVersion},
	{Name: "kube-apiserver", Module: "kubernetes", Package: k8s + "kube-apiserver", Set: k8sVersion},
	{Name: "kube-controller-manager", Module: "kubernetes", Package: k8s + "kube-controller-manager", Set: k8sVersion},
	{Name: "kube-scheduler", Module: "kubernetes", Package: k8s + "kube-scheduler", Set: k8sVersion},
	{Name: "kube-proxy", Module: "kubernetes", Package: k8s + "kube-proxy", Set: k8sVersion},
	{Name: "etcd", Module: "etcd", Package: "go.etcd.io/etcd/server/v3"},
	{Name: "coredns", Module: "coredns", Package: ".", Main: "modules/coredns.main"},
	{Name: "containerd", Module: "containerd", Package: containerd + "containerd", Node: "/usr/local/bin", Tags: noSnapshotters, Set: containerdSet},
	{Name: "containerd-shim-runc-v2", Module: "containerd", Package: containerd + "containerd-shim-runc-v2", Node: "/usr/local/bin", Tags: noSnapshotters, Set: containerdSet},
	{Name: "ctr", Module: "containerd", Package: containerd + "ctr", Node: "/usr/local/bin", Tags: noSnapshotters, Set: containerdSet},
	// Without the tag seccomp every pod fails; it binds the C library libseccomp.
	{Name: "runc", Module: "runc", Package: "github.com/opencontainers/runc", Node: "/usr/local/sbin", Tags: "seccomp,netgo,osusergo", Static: true},
	{Name: "host-local", Module: "cni", Package: cniPlugins + "ipam/host-local", Node: "/opt/cni/bin"},
	{Name: "loopback", Module: "cni", Package: cniPlugins + "main/loopback", Node: "/opt/cni/bin"},
	{Name: "ptp", Module: "cni", Package: cniPlugins + "main/ptp", Node: "/opt/cni/bin"},
	{Name: "portmap", Module: "cni", Package: cniPlugins + "meta/portmap", Node: "/opt/cni/bin"},
	{Name: "crictl", Module: "crictl", Package: "sigs.k8s.io/cri-tools/cmd/crictl", Node: "/usr/local/bin", Set: []string{"sigs.k8s.io/cri-tools/pkg/version.Version=" + crictlVersion}},
	{Name: "local-path-provisioner", Module: "local-path", Package: "github.com/rancher/local-path-provisioner"},
}

// image is a container image that every node holds from the start.
type image struct {
	Refs       []string // full names; all name the same image
	Program    string   // part whose binary it holds
	Path       string   // where the binary stands in it
	Entrypoint []string
	Extra      string // part and file, PART/FILE, of a tar that lies beneath the binary
}

const registry = "registry.k8s.io/"

// The names of our own images stand in manifests/*.yaml too; a test compares.
var images = []image{
	onScratch(registry+"kube-apiserver:"+kubernetesVersion, "kube-apiserver"),
	onScratch(registry+"kube-controller-manager:"+kubernetesVersion, "kube-controller-manager"),
	onScratch(registry+"kube-scheduler:"+kubernetesVersion, "kube-scheduler"),
	withTools(onScratch(registry+"kube-proxy:"+kubernetesVersion, "kube-proxy")),
	onScratch(registry+"etcd:"+etcdTag, "etcd"),
	onScratch(registry+"coredns/coredns:"+coreDNSTag, "coredns"),
	{Refs: []string{registry + "pause:" + kindPauseTag, registry + "pause:" + pauseTag}, Program: "pause", Path: "/pause", Entrypoint: []string{"/pause"}},
	onScratch("docker.io/seatrial/local-path-provisioner:"+localPathTag, "local-path-provisioner"),
	onScratch("docker.io/seatrial/routes:v1", "routes"),
	{Refs: []string{"docker.io/seatrial/helper:v1"}, Extra: "rootfs/helper.tar"},
}

// onScratch is an image that holds one static program and nothing else.
func onScratch(ref, program string) image {
	path := "/usr/local/bin/" + program
	return image{Refs: []string{ref}, Program: program, Path: path, Entrypoint: []string{path}}
}

// withTools puts what kube-proxy runs (iptables, nft, conntrack, modprobe) beneath it.
func withTools(i image) image {
	i.Extra = "rootfs/proxy.tar"
	return i
}

// debianSuite is bookworm, not trixie: systemd 257 refuses to boot on cgroup v1.
const debianSuite = "bookworm"

// debianPackages is the list of kind's base image without network storage
// (nfs-common, open-iscsi, fuse-overlayfs). busybox goes into container
// images: a shell for iptables' wrapper, and the helper.
var debianPackages = strings.Fields(`
	systemd dbus bash util-linux mount kmod procps
	conntrack iptables nftables iproute2 ethtool
	libseccomp2 pigz e2fsprogs ca-certificates curl jq busybox`)
