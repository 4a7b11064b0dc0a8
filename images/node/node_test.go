package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// time0 is a time that no file has by itself.
var time0 = time.Unix(1, 0)

func TestKindFilesKnowTheirPlaceAndMode(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"usr/local/bin/entrypoint", "kind/bin/mount.sh", "etc/crictl.yaml"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o444); err != nil { // as in Go's module cache
			t.Fatal(err)
		}
	}
	files, err := kindFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]os.FileMode{}
	for _, f := range files {
		got[f.path] = f.mode
	}
	if len(got) != 3 || got["/usr/local/bin/entrypoint"] != 0o755 || got["/kind/bin/mount.sh"] != 0o755 || got["/etc/crictl.yaml"] != 0o644 {
		t.Errorf("files %v", got)
	}
}

func TestProductHook(t *testing.T) {
	got, err := withProductHook(`{"process":{"rlimits":[1],"user":{}},"linux":{"limit":18446744073709551615}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"hooks":{"createContainer":[{"path":"/kind/bin/mount-product-files.sh"}]},"linux":{"limit":18446744073709551615},"process":{"user":{}}}`
	if strings.TrimSpace(got) != want {
		t.Errorf("spec\n%s\nwant\n%s", got, want)
	}
}

func TestParseLdd(t *testing.T) {
	out := "/usr/sbin/nft:\n\tlinux-vdso.so.1 (0x00007ffc)\n" +
		"\tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f01)\n" +
		"\t/lib64/ld-linux-x86-64.so.2 (0x00007f02)\n" +
		"/bin/busybox:\n\tnot a dynamic executable\n" +
		"/bin/kmod:\n\tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f03)\n"
	want := []string{"/lib/x86_64-linux-gnu/libmnl.so.0", "/lib64/ld-linux-x86-64.so.2"}
	if got := parseLdd(out); !slices.Equal(got, want) {
		t.Errorf("libraries %q, want %q", got, want)
	}
}
