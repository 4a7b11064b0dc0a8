package sim

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// nothing takes what a trial tells, and keeps the sum.
type nothing struct{ planned, hurt int64 }

func (n *nothing) Interval(i seatrial.Interval) {
	n.planned += i.Planned
	n.hurt += i.Hurt
}
func (n *nothing) Event(seatrial.Event) {}

// shops are so many Deployments of so many pods each, with a Service for the
// first.
func shops(deployments, replicas int) []byte {
	var out strings.Builder
	for i := range deployments {
		fmt.Fprintf(&out, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop%[1]d}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: shop%[1]d}}
  template:
    metadata: {labels: {app: shop%[1]d}}
    spec:
      containers:
      - name: shop
        image: seatrial.dev/agent:dev
        command: [/seatrial-agent, app]
        args: [--service-time=lognormal:5ms:0.3]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}}
        resources: {requests: {cpu: 20m, memory: 32Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: shop%[1]d}
spec: {selector: {app: shop%[1]d}, ports: [{port: 80, targetPort: 8080}]}
`, i, replicas)
	}
	return []byte(out.String())
}

// booted is a settled site with the shops.
func booted(b *testing.B, workers, deployments, replicas int) *Site {
	b.Helper()
	s, err := Open(seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: workers}}}, 1)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.clusters[0].Apply(b.Context(), shops(deployments, replicas)); err != nil {
		b.Fatal(err)
	}
	if err := s.clusters[0].Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

// attack sends for so long, and returns what was planned.
func attack(b *testing.B, s *Site, rate float64, users int, length time.Duration, meanwhile func(context.Context)) *nothing {
	b.Helper()
	sum := &nothing{}
	a, err := s.Prepare(b.Context(), []seatrial.LoadPlan{{Load: seatrial.Load{Name: "browse",
		Target: "http://shop0.default.svc.cluster.local/", Rate: seatrial.Rate(rate), Users: users}, Duration: length}}, sum)
	if err == nil {
		err = a.Start(b.Context(), s.clock.Now())
	}
	if err != nil {
		b.Fatal(err)
	}
	meanwhile(b.Context())
	if err := a.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	return sum
}

// failing are so many workers, the first of them one that the users feel.
func failing(s *Site, count int) []*world.Node {
	nodes := []*world.Node{s.clusters[0].world.Pods("default", labels.SelectorFromSet(labels.Set{"app": "shop0"}))[0].Node}
	for i := 0; len(nodes) < count; i++ {
		if n := s.clusters[0].world.Node(fmt.Sprintf("worker%d", 2+i*100)); n != nodes[0] {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func idle(context.Context) {}

// BenchmarkRequests is the speed of the simulator on one core: requests of a
// healthy cluster, at 10,000/s from 1,000 users.
func BenchmarkRequests(b *testing.B) {
	s := booted(b, 3, 1, 6)
	b.ReportAllocs()
	b.ResetTimer()
	sum := attack(b, s, 10_000, 1000, time.Duration(b.N)*100*time.Microsecond, idle)
	b.StopTimer()
	b.ReportMetric(float64(sum.planned)/b.Elapsed().Seconds(), "requests/s")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRequestsByNodes shows that a request costs the same on a small and
// on a large cluster.
func BenchmarkRequestsByNodes(b *testing.B) {
	for _, nodes := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			s := booted(b, nodes, 1, 2*nodes)
			b.ResetTimer()
			sum := attack(b, s, 10_000, 1000, time.Duration(b.N)*100*time.Microsecond, idle)
			b.StopTimer()
			b.ReportMetric(float64(sum.planned)/b.Elapsed().Seconds(), "requests/s")
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkAnHourOfTenThousandNodes is one simulated hour of 10,000 nodes with
// 100,000 pods, of which one node in a hundred fails, at 1,000 requests/s. The
// boot of the cluster is told apart.
func BenchmarkAnHourOfTenThousandNodes(b *testing.B) {
	for b.Loop() {
		began := time.Now()
		s := booted(b, 10_000, 1000, 100)
		boot := time.Since(began)
		sum := attack(b, s, 1000, 1000, time.Hour, func(ctx context.Context) {
			for _, n := range failing(s, 100) {
				n.Freeze(true)
				if err := s.clock.Sleep(ctx, 30*time.Second); err != nil {
					b.Fatal(err)
				}
			}
		})
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(boot.Seconds(), "boot-s")
		b.ReportMetric((time.Since(began) - boot).Seconds(), "hour-s")
		b.ReportMetric(float64(m.Sys)/(1<<30), "GiB")
		if sum.planned != 3_600_000 || sum.hurt == 0 {
			b.Fatalf("%d requests were due, %d hurt", sum.planned, sum.hurt)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
