package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// rootfsPart makes the node's Debian file system, and from its files the tars
// that lie beneath kube-proxy and the helper of the storage provisioner.
func rootfsPart() *part {
	inputs := append([]string{debianSuite, runtime.GOARCH, source("rootfs.go"), source("files/iptables-wrapper")}, debianPackages...)
	return &part{name: "rootfs", inputs: inputs, build: buildRootfs}
}

func buildRootfs(ctx context.Context, env buildEnv) error {
	root := filepath.Join(env.dir, "root")
	err := retry(ctx, "debootstrap", func() error { return debootstrap(ctx, root) })
	if err != nil {
		return err
	}
	if err := prune(root); err != nil {
		return err
	}
	if err := writeProxyTools(ctx, root, filepath.Join(env.dir, "proxy.tar")); err != nil {
		return err
	}
	if err := writeHelper(ctx, root, filepath.Join(env.dir, "helper.tar")); err != nil {
		return err
	}
	tar := command{"tar", "--numeric-owner", "--sort=name", "-C", root, "-cf", filepath.Join(env.dir, "rootfs.tar"), "."}
	if err := quietly(tar.cmd(ctx)); err != nil {
		return err
	}
	return os.RemoveAll(root)
}

// debootstrap runs in a mount namespace of its own: /proc and /sys, which it
// mounts beneath root, go with it, however it ends.
func debootstrap(ctx context.Context, root string) error {
	if err := os.RemoveAll(root); err != nil {
		return fmt.Errorf("emptying %s: %w", root, err)
	}
	cmd := command{"debootstrap", "--variant=minbase", "--include=" + strings.Join(debianPackages, ","), debianSuite, root}.cmd(ctx)
	cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	return quietly(cmd)
}

// unwanted is what kind's Dockerfile takes out of the base image: units that
// make no sense in a container, and what a package manager leaves. Device files
// and the contents of /proc and /sys come from the container runtime.
var unwanted = []string{
	"lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
	"lib/systemd/system/multi-user.target.wants/*",
	"etc/systemd/system/*.wants/*",
	"lib/systemd/system/local-fs.target.wants/*",
	"lib/systemd/system/sockets.target.wants/*udev*",
	"lib/systemd/system/sockets.target.wants/*initctl*",
	"lib/systemd/system/basic.target.wants/*",
	"var/cache/debconf/*", "var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*", "tmp/*", "var/tmp/*",
	"usr/share/doc/*", "usr/share/doc-base/*", "usr/share/man/*", "usr/share/locale/*",
	"dev/*", "proc/*", "sys/*",
}

func prune(root string) error {
	for _, pattern := range unwanted {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return fmt.Errorf("pruning %s: %w", pattern, err)
		}
		for _, name := range names {
			if err := os.RemoveAll(name); err != nil {
				return fmt.Errorf("pruning the root file system: %w", err)
			}
		}
	}
	return nil
}

// proxyTools is what kube-proxy runs, by the names of the files themselves:
// Debian's alternatives in between are absolute links.
var proxyTools = []string{
	"/usr/sbin/xtables-nft-multi", "/usr/sbin/xtables-legacy-multi",
	"/usr/sbin/nft", "/usr/sbin/conntrack", "/usr/bin/kmod",
}

// writeProxyTools gathers the tools, the libraries they load, and a shell for
// the wrapper that selects iptables' kernel interface.
func writeProxyTools(ctx context.Context, root, name string) error {
	plugins, err := filepath.Glob(filepath.Join(root, "usr/lib/*/xtables/*.so"))
	if err != nil || len(plugins) == 0 {
		return fmt.Errorf("finding iptables' plugins beneath %s: none (%v)", root, err)
	}
	wanted := append([]string{busybox}, proxyTools...)
	for _, p := range plugins {
		wanted = append(wanted, strings.TrimPrefix(p, root))
	}
	files, err := withLibraries(ctx, root, wanted)
	if err != nil {
		return err
	}
	files = append(files, busyboxTools("sh", "cat", "grep")...)
	files = append(files,
		file{path: "/usr/sbin/modprobe", link: "/usr/bin/kmod"},
		file{path: "/usr/sbin/iptables-wrapper", mode: 0o755, data: source("files/iptables-wrapper")})
	for _, tool := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"} {
		files = append(files, file{path: "/usr/sbin/" + tool, link: "iptables-wrapper"})
	}
	return writeTarFile(name, files)
}

// writeHelper makes a small image with all of busybox: the provisioner's helper
// pods make and remove folders with it, and it serves for a look around a node.
func writeHelper(ctx context.Context, root, name string) error {
	list, err := output(ctx, command{"chroot", root, busybox, "--list"})
	if err != nil {
		return fmt.Errorf("listing busybox's tools: %w", err)
	}
	files, err := withLibraries(ctx, root, []string{busybox})
	if err != nil {
		return err
	}
	files = append(files, file{path: "/tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777})
	return writeTarFile(name, append(files, busyboxTools(strings.Fields(list)...)...))
}

// busybox is one program that is a shell and many small tools, by the name that
// it is called by.
const busybox = "/bin/busybox"

func busyboxTools(names ...string) []file {
	var files []file
	for _, n := range names {
		files = append(files, file{path: "/bin/" + n, link: "busybox"})
	}
	return files
}

// ldd's lines: "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f…)" and, for
// the loader, "/lib64/ld-linux-x86-64.so.2 (0x7f…)".
var lddLine = regexp.MustCompile(`(?m)^\t(?:\S+ => )?(/\S+) \(0x`)

// withLibraries takes programs from beneath root and every library they load.
func withLibraries(ctx context.Context, root string, programs []string) ([]file, error) {
	out, err := output(ctx, append(command{"chroot", root, "ldd"}, programs...))
	if err != nil {
		return nil, fmt.Errorf("listing the libraries of %s …: %w", programs[0], err)
	}
	return fromRoot(ctx, root, append(programs, parseLdd(out)...))
}

// parseLdd returns each library once, sorted.
func parseLdd(out string) []string {
	var libraries []string
	for _, m := range lddLine.FindAllStringSubmatch(out, -1) {
		libraries = append(libraries, m[1])
	}
	slices.Sort(libraries)
	return slices.Compact(libraries)
}

// fromRoot takes files from beneath root. Absolute links (the loader is one)
// must be followed there, not on this machine.
func fromRoot(ctx context.Context, root string, paths []string) ([]file, error) {
	out, err := output(ctx, append(command{"chroot", root, "realpath"}, paths...))
	if err != nil {
		return nil, fmt.Errorf("following links beneath %s: %w", root, err)
	}
	var files []file
	for i, real := range strings.Split(out, "\n") {
		files = append(files, file{path: paths[i], mode: 0o755, source: filepath.Join(root, real)})
	}
	return files, nil
}

func writeTarFile(name string, files []file) error {
	content, err := tarOf(files)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
