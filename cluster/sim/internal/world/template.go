package world

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/seatrial/seatrial/load/app"
)

// agentBinary is the command of the sample application's containers.
const agentBinary = "seatrial-agent"

// template decodes a pod's spec.
func (w *World) template(namespace string, meta *metav1.ObjectMeta, spec *corev1.PodSpec) (*Template, error) {
	t := &Template{Namespace: namespace, Labels: labels.Set(meta.Labels), Spec: spec, grace: w.Timings.DefaultGrace,
		deletionCost: costOf(meta.Annotations)}
	_, t.evictAnyway = meta.Annotations[evictAnyway]
	if spec.TerminationGracePeriodSeconds != nil {
		t.grace = time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	}
	content, err := json.Marshal([]any{meta.Labels, meta.Annotations, spec})
	if err != nil {
		return nil, err
	}
	sum := fnv.New32a()
	sum.Write(content)
	t.Hash = rand.SafeEncodeString(strconv.FormatUint(uint64(sum.Sum32()), 10))
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		if err := w.addContainer(t, c, c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways, true); err != nil {
			return nil, err
		}
	}
	for i := range spec.Containers {
		if err := w.addContainer(t, &spec.Containers[i], false, false); err != nil {
			return nil, err
		}
	}
	t.qos, t.priority = qosOf(spec), priorityOf(spec)
	t.request = requests(spec, resources{})
	t.assumed = requests(spec, resources{assumedCPU, assumedMemory})
	t.scheduling, err = schedulingOf(t)
	return t, err
}

// withHash is the template as a ReplicaSet makes it its own. Its label may
// matter to matchLabelKeys.
func (t *Template) withHash() (*Template, error) {
	own := *t
	own.Labels = labels.Merge(t.Labels, labels.Set{appsv1.DefaultDeploymentUniqueLabelKey: t.Hash})
	var err error
	own.scheduling, err = schedulingOf(&own)
	return &own, err
}

func (w *World) addContainer(t *Template, c *corev1.Container, sidecar, initial bool) error {
	spec, err := w.container(c)
	if err != nil {
		return fmt.Errorf("container %s: %w", c.Name, err)
	}
	spec.sidecar = sidecar
	if initial && !sidecar {
		t.setup = append(t.setup, *spec)
		return nil
	}
	t.containers = append(t.containers, *spec)
	return nil
}

func (w *World) container(c *corev1.Container) (*containerSpec, error) {
	s := &containerSpec{name: c.Name, ports: map[string]int{}, request: requestOf(c, resources{}), limit: of(c.Resources.Limits)}
	for _, p := range c.Ports {
		s.ports[p.Name] = int(p.ContainerPort)
	}
	if err := w.application(s, c); err != nil {
		return nil, err
	}
	s.mounts, s.data = mounted(c), volumeOf(c, s.app.Data)
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
		s.preStop = w.preStop(c)
	}
	for _, p := range []struct {
		kind string
		to   **probeSpec
		from *corev1.Probe
	}{{"readiness", &s.readiness, c.ReadinessProbe}, {"liveness", &s.liveness, c.LivenessProbe}, {"startup", &s.startup, c.StartupProbe}} {
		if p.from != nil {
			*p.to = w.probe(c, p.kind, p.from)
		}
	}
	return s, nil
}

// application reads the flags of the sample application; another image is
// modelled by its defaults, and says so.
func (w *World) application(s *containerSpec, c *corev1.Container) error {
	command := slices.Concat(c.Command, c.Args)
	if len(command) >= 2 && strings.HasSuffix(command[0], agentBinary) && command[1] == "app" {
		config, err := app.ParseFlags(command[2:])
		if err != nil {
			return err
		}
		s.app, s.memory = &config, config.Memory
		_, port, err := net.SplitHostPort(config.Listen)
		if err == nil {
			s.port, err = strconv.Atoi(port)
		}
		return err
	}
	config, err := app.ParseFlags([]string{"--drain-time=0s"})
	if err != nil {
		return err
	}
	s.app, s.memory = &config, s.request.memory
	if len(c.Ports) > 0 {
		s.port = int(c.Ports[0].ContainerPort)
	}
	w.warn("image %s is not known to the simulator: it is taken to answer after %s, to use the memory that it requests, and to finish its requests on SIGTERM",
		short(c.Image), config.ServiceTime)
	return nil
}

// preStop is how long the hook takes.
func (w *World) preStop(c *corev1.Container) time.Duration {
	hook := c.Lifecycle.PreStop
	if hook.Sleep != nil {
		return time.Duration(hook.Sleep.Seconds) * time.Second
	}
	if hook.Exec != nil {
		words := strings.Fields(strings.Join(hook.Exec.Command, " "))
		for i, word := range words[:max(0, len(words)-1)] {
			if seconds, err := strconv.ParseFloat(words[i+1], 64); err == nil && strings.HasSuffix(word, "sleep") {
				return time.Duration(seconds * float64(time.Second))
			}
		}
	}
	w.warn("the preStop hook of container %s is taken to need no time: the simulator reads sleeps only", c.Name)
	return 0
}

// probe fills in the API's defaults (pkg/apis/core/v1/defaults.go: SetDefaults_Probe).
func (w *World) probe(c *corev1.Container, kind string, p *corev1.Probe) *probeSpec {
	seconds := func(n int32, otherwise time.Duration) time.Duration {
		if n == 0 {
			return otherwise
		}
		return time.Duration(n) * time.Second
	}
	count := func(n int32, otherwise int) int {
		if n == 0 {
			return otherwise
		}
		return int(n)
	}
	s := &probeSpec{delay: seconds(p.InitialDelaySeconds, 0), period: seconds(p.PeriodSeconds, 10*time.Second),
		timeout: seconds(p.TimeoutSeconds, time.Second), success: count(p.SuccessThreshold, 1), failures: count(p.FailureThreshold, 3)}
	if p.TerminationGracePeriodSeconds != nil {
		s.grace = time.Duration(*p.TerminationGracePeriodSeconds) * time.Second
	}
	if p.HTTPGet != nil {
		s.path = p.HTTPGet.Path
	}
	if p.Exec != nil {
		w.warn("the %s probe of container %s runs a command: it is taken to succeed while the application listens", kind, c.Name)
	}
	return s
}

// requests are the pod's as the scheduler counts them
// (k8s.io/component-helpers/resource: PodRequests): all main containers and
// sidecars together, or the largest init container with the sidecars before it.
// A container without a request counts as missing.
func requests(spec *corev1.PodSpec, missing resources) resources {
	var sidecars, largest, total resources
	for _, c := range spec.InitContainers {
		r := requestOf(&c, missing)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sidecars = sidecars.plus(r)
			r = sidecars
		} else {
			r = r.plus(sidecars)
		}
		largest = resources{max(largest.cpu, r.cpu), max(largest.memory, r.memory)}
	}
	total = sidecars
	for _, c := range spec.Containers {
		total = total.plus(requestOf(&c, missing))
	}
	total = resources{max(total.cpu, largest.cpu), max(total.memory, largest.memory)}
	return total.plus(of(spec.Overhead))
}

// requestOf falls back on the limits, as the API server does.
func requestOf(c *corev1.Container, missing resources) resources {
	list := corev1.ResourceList{}
	for name, q := range c.Resources.Limits {
		list[name] = q
	}
	for name, q := range c.Resources.Requests {
		list[name] = q
	}
	r := of(list)
	if _, has := list[corev1.ResourceCPU]; !has {
		r.cpu = missing.cpu
	}
	if _, has := list[corev1.ResourceMemory]; !has {
		r.memory = missing.memory
	}
	return r
}

func of(list corev1.ResourceList) resources {
	return resources{cpu: list.Cpu().MilliValue(), memory: list.Memory().Value()}
}
