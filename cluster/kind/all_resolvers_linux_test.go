package kind

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seatrial/seatrial"
)

// resolvers are the three that most programs in a cluster have, each in a small
// program of its own.
var resolvers = []string{"go", "glibc", "musl"}

const resolverImage = "seatrial.dev/resolvers:test"

// lookups of each resolver, and how many of them at a time: with 400, a share
// of ½ has a standard deviation of 2.5 %.
const lookups, atATime = 400, 80

// span is between two shares, or times in seconds.
type span struct{ from, to float64 }

func (s span) holds(x float64) bool { return s.from <= x && x <= s.to }

// With one of two DNS pods dead, half of all first queries are lost. Go asks for
// A and AAAA on a socket each, and again after 5 s on another: each of the
// four draws its pod, so ½² of the lookups succeed at once, and ¼ fail.
// A C library asks for both on one socket and stays with it, and so with its
// pod: half of its lookups fail, glibc's after two tries of 5 s, musl's after
// 5 s in all.
func TestAllResolversLoseToADeadDNSPodWhatTheirRulesSay(t *testing.T) {
	wholeSet(t) // it needs a C compiler and musl-gcc, too
	b := openBench(t)
	node := worker(b.Cluster)
	loadResolvers(t, b, node)
	wantAllResolved(t, b.lookUp(t, node, "before"))

	pod := b.pod(t, "kube-system", "k8s-app=kube-dns", "")
	a := seatrial.DNSTerminated{Namespace: pod.Namespace, Pod: pod.Name, Expires: longEnough}
	p := b.does(t, a)
	shares := b.lookUp(t, node, "fault")
	for resolver, want := range map[string]struct{ failed, hurt, took span }{
		"go":    {span{0.17, 0.33}, span{0.67, 0.83}, span{9.9, 11.5}},
		"glibc": {span{0.40, 0.60}, span{0.40, 0.60}, span{9.9, 11.5}},
		"musl":  {span{0.40, 0.60}, span{0.40, 0.60}, span{4.9, 6.5}},
	} {
		got := shares[resolver]
		if !want.failed.holds(got.failed) || !want.hurt.holds(got.hurt) {
			t.Errorf("%s: %.1f %% failed, and %.1f %% failed or took 5 s, want %v and %v", resolver, 100*got.failed, 100*got.hurt, want.failed, want.hurt)
		}
		if !want.took.holds(got.longest) {
			t.Errorf("%s: the longest lookup took %.1f s, want %v", resolver, got.longest, want.took)
		}
	}

	cure := seatrial.DeletePod{Namespace: pod.Namespace, Name: pod.Name}
	b.reverts(t, cure, b.does(t, cure))
	wantAllResolved(t, b.lookUp(t, node, "cured"))
	b.reverts(t, a, p)
	b.unchanged(t)
}

// wantAllResolved holds for a cluster that is well. On a busy machine a lookup in
// a hundred takes seconds all the same; a dead pod makes it half of them.
func wantAllResolved(t *testing.T, shares map[string]share) {
	t.Helper()
	for resolver, s := range shares {
		if s.failed > 0 || s.hurt > 0.05 {
			t.Errorf("%s: %.1f %% failed, and %.1f %% failed or took 5 s, want none and at most 5 %%", resolver, 100*s.failed, 100*s.hurt)
		}
	}
}

// share is how the lookups of one resolver came out.
type share struct {
	failed  float64
	hurt    float64 // failed, or took almost 5 s, its time-out, or more
	longest float64 // in seconds
}

// lookUp runs the three programs in a pod on the node.
func (b *bench) lookUp(t *testing.T, node, when string) map[string]share {
	t.Helper()
	pods := b.client.CoreV1().Pods("default")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "resolvers-" + when}, Spec: corev1.PodSpec{NodeName: node, RestartPolicy: corev1.RestartPolicyNever}}
	for _, resolver := range resolvers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: resolver, Image: resolverImage, ImagePullPolicy: corev1.PullNever,
			Command: []string{"/lookup-" + resolver, "kubernetes.default.svc.cluster.local.", fmt.Sprint(lookups), fmt.Sprint(atATime)}})
	}
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the test's context has ended by then
		now := int64(0)
		if err := pods.Delete(context.Background(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := poll(ctx, func() error {
		p, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && p.Status.Phase != corev1.PodSucceeded {
			err = fmt.Errorf("pod %s is %s: %+v", pod.Name, p.Status.Phase, p.Status.ContainerStatuses)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	shares := map[string]share{}
	for _, resolver := range resolvers {
		text, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{Container: resolver}).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		shares[resolver] = sum(t, string(text))
		t.Logf("%s: %s %+v", when, resolver, shares[resolver])
	}
	return shares
}

// sum reads what a program has printed.
func sum(t *testing.T, text string) (s share) {
	t.Helper()
	count := 0
	for line := range strings.Lines(text) {
		var code int
		var seconds float64
		if _, err := fmt.Sscan(line, &code, &seconds); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		count++
		s.longest = max(s.longest, seconds)
		if code != 0 {
			s.failed++
		}
		if code != 0 || seconds > 4.9 {
			s.hurt++
		}
	}
	if count != lookups {
		t.Fatalf("%d lookups, want %d", count, lookups)
	}
	s.failed /= lookups
	s.hurt /= lookups
	return s
}

// loadResolvers builds the programs and loads their image into the node.
func loadResolvers(t *testing.T, b *bench, node string) {
	t.Helper()
	dir := t.TempDir()
	const source = "testdata/resolver"
	compile(t, "gcc", "-O2", "-o", filepath.Join(dir, "lookup-glibc"), source+"/lookup.c")
	compile(t, "musl-gcc", "-O2", "-static", "-o", filepath.Join(dir, "lookup-musl"), source+"/lookup.c")
	compile(t, "env", "CGO_ENABLED=0", "go", "build", "-o", filepath.Join(dir, "lookup-go"), "./"+source)
	files := map[string]string{}
	for _, resolver := range resolvers {
		files["lookup-"+resolver] = filepath.Join(dir, "lookup-"+resolver)
	}
	// The C library of glibc's program, and the loader that the program names.
	for _, path := range regexp.MustCompile(`/\S+`).FindAllString(compile(t, "ldd", filepath.Join(dir, "lookup-glibc")), -1) {
		files[strings.TrimPrefix(path, "/")] = path
	}
	archive := filepath.Join(dir, "image.tar")
	writeImage(t, archive, files)
	tar, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer tar.Close()
	load := exec.CommandContext(t.Context(), "docker", "exec", "--interactive", node, "ctr", "--namespace=k8s.io", "images", "import", "-")
	load.Stdin = tar
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("loading the resolvers' image: %v\n%s", err, out)
	}
}

func compile(t *testing.T, command string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), command, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v (on Debian: apt-get install gcc libc6-dev musl-tools)\n%s", command, err, out)
	}
	return string(out)
}

// writeImage puts files, by their place in it, on an empty image.
func writeImage(t *testing.T, archive string, files map[string]string) {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for place, path := range files {
		content, err := os.ReadFile(path)
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: place, Mode: 0o555, Size: int64(len(content))})
		}
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	err := w.Close()
	var image v1.Image
	if err == nil {
		image, err = mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, RootFS: v1.RootFS{Type: "layers"}})
	}
	var content v1.Layer
	if err == nil {
		content, err = tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	}
	if err == nil {
		image, err = mutate.AppendLayers(image, content)
	}
	var tag name.Tag
	if err == nil {
		tag, err = name.NewTag(resolverImage)
	}
	if err == nil {
		err = tarball.WriteToFile(archive, tag, image)
	}
	if err != nil {
		t.Fatalf("writing the resolvers' image: %v", err)
	}
}
