package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// descheduling is a [seatrial.Deschedule].
type descheduling struct {
	*Cluster
	a seatrial.Deschedule
}

// observe brings the image to the nodes, which is cheap when it is there.
func (d descheduling) observe(ctx context.Context) (any, error) {
	image, err := d.ImportImage(ctx, seatrial.ImageDescheduler)
	if err != nil {
		return nil, err
	}
	d.keep(d.a, observation{image: image.Name})
	return struct{}{}, nil
}

// act creates the Job last. Whose evictions are told apart by what was seen
// before.
func (d descheduling) act(ctx context.Context) error {
	o, err := d.recall(d.a)
	if err != nil {
		return err
	}
	o.evicted = d.news.evictions()
	d.keep(d.a, o)
	policy, err := deschedulerPolicy(d.a)
	if err != nil {
		return err
	}
	if err := d.create(ctx, string(policy), o.image); err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("starting the descheduler: %w", err),
			"check that you may create Jobs and ClusterRoles")
	}
	return nil
}

// prove waits for the end of the run, reads in its log what it says it has
// evicted, and looks for each of these pods in what the watch and the API
// server show.
func (d descheduling) prove(ctx context.Context) (seatrial.Proof, error) {
	o, err := d.recall(d.a)
	if err == nil && o.evicted == nil {
		err = fmt.Errorf("%s of %s was not done", d.a.Kind(), d.a.Target())
	}
	var said deschedulerLog
	if err == nil {
		said, err = d.finished(ctx)
	}
	if err == nil {
		err = d.agree(ctx, func() []string { return d.news.unevicted(said.evicted, o.evicted) },
			func(ctx context.Context) ([]string, error) { return d.staying(ctx, said.evicted) })
	}
	if err != nil {
		return seatrial.Proof{}, fmt.Errorf("proving that the descheduler ran: %w", err)
	}
	if d.tellOnce(o) {
		for _, pod := range said.refused {
			d.news.eviction(pod, seatrial.EvictionRefused, seatrial.Warning, "refused to the descheduler")
		}
	}
	return said.proof(), nil
}

// tellOnce is true the first time that a run is proven.
func (d descheduling) tellOnce(o observation) bool {
	if o.told {
		return false
	}
	o.told = true
	d.keep(d.a, o)
	return true
}

func (s deschedulerLog) proof() seatrial.Proof {
	p := seatrial.Proof{Method: "the descheduler's Job is complete, and each pod that its log names was evicted through the API, as a watch saw it, and is terminating or gone",
		Evidence: map[string]string{"pods evicted": fmt.Sprint(len(s.evicted)), "evictions refused": fmt.Sprint(len(s.refused))}}
	if len(s.evicted) == 0 {
		p.Method = "the descheduler's Job is complete, and by its log it has moved nothing"
		return p
	}
	p.Evidence["evicted"] = strings.Join(firstFew(s.evicted), ", ")
	return p
}

// staying says which of the pods are neither terminating nor gone.
func (d descheduling) staying(ctx context.Context, pods []string) ([]string, error) {
	uids := d.news.evictions()
	namespaces := map[string]bool{}
	for _, name := range pods {
		namespace, _, _ := strings.Cut(name, "/")
		namespaces[namespace] = true
	}
	now, err := d.podsIn(ctx, slices.Sorted(maps.Keys(namespaces))...)
	var missing []string
	for _, p := range now {
		if name := p.Namespace + "/" + p.Name; slices.Contains(pods, name) {
			said, _ := leaving(p, uids[name])
			missing = append(missing, said...)
		}
	}
	return missing, err
}

// finished waits for the end of the Job and reads its log.
func (d descheduling) finished(ctx context.Context) (deschedulerLog, error) {
	var job *batchv1.Job
	ended := func() bool {
		for _, j := range d.cache.state().jobs {
			if j.Namespace == metav1.NamespaceSystem && j.Name == d.a.Job() {
				job = j
				w := ofJob(j)
				return w.finished || w.failed != ""
			}
		}
		return false
	}
	if err := d.clock.Until(ctx, ended); err != nil {
		return deschedulerLog{}, fmt.Errorf("%w: %s", err, strings.Join(d.unfinished(job), "; "))
	}
	if failed := ofJob(job).failed; failed != "" {
		return deschedulerLog{}, fmt.Errorf("its Job has failed: %s: %s", failed, strings.Join(d.unfinished(job), "; "))
	}
	pods, err := d.client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + d.a.Job()})
	if err == nil && len(pods.Items) != 1 {
		err = fmt.Errorf("its Job has %d pods", len(pods.Items))
	}
	if err != nil {
		return deschedulerLog{}, err
	}
	log, err := d.client.CoreV1().Pods(metav1.NamespaceSystem).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).Do(ctx).Raw()
	if err != nil {
		return deschedulerLog{}, fmt.Errorf("reading its log: %w", err)
	}
	return readDeschedulerLog(string(log))
}

// unfinished says what keeps the Job's pod from its end.
func (d descheduling) unfinished(job *batchv1.Job) []string {
	if job == nil {
		return []string{"its Job is not there"}
	}
	said := []string{"its Job has not ended"}
	for _, p := range d.cache.pods() {
		if owner := metav1.GetControllerOf(p); owner != nil && owner.UID == job.UID {
			said = append(said, "pod "+p.Name+": "+podTrouble(p))
		}
	}
	return said
}

// revert removes all of the run that is there, and returns once it is gone.
func (d descheduling) revert(ctx context.Context, _ []byte) error {
	return d.untilGone(ctx, "the descheduler", d.remove)
}

// deschedulerLog is what a run says that it did.
type deschedulerLog struct {
	evicted []string // pods, as namespace/name
	refused []string
}

// readDeschedulerLog reads the structured log of
// descheduler/pkg/descheduler/evictions: EvictPod at verbosity 1. The run's last
// word, their number, has to be there and to agree.
func readDeschedulerLog(log string) (deschedulerLog, error) {
	var read deschedulerLog
	total := ""
	for line := range strings.Lines(log) {
		switch {
		case strings.Contains(line, `] "Evicted pod" `):
			read.evicted = append(read.evicted, field(line, "pod"))
		case strings.Contains(line, `] "Error evicting pod" `):
			read.refused = append(read.refused, field(line, "pod"))
		case strings.Contains(line, `] "Number of evictions/requests" `):
			total = field(line, "totalEvicted")
		}
	}
	if total == "" {
		return read, errors.New("its log does not say how many pods it evicted: " + short(log))
	}
	if total != fmt.Sprint(len(read.evicted)) {
		return read, fmt.Errorf("its log says that it evicted %s pods, and names %d", total, len(read.evicted))
	}
	return read, nil
}

// field is the value of a key of a structured line, without its quotes.
func field(line, key string) string {
	_, value, _ := strings.Cut(line, " "+key+"=")
	value, _, _ = strings.Cut(strings.TrimSpace(value), " ")
	return strings.Trim(value, `"`)
}

// deschedulerPolicy is what the descheduler reads. JSON is YAML.
func deschedulerPolicy(a seatrial.Deschedule) ([]byte, error) {
	type object = map[string]any
	configs := []object{{"name": "DefaultEvictor", "args": object{}}}
	enabled := map[string][]string{}
	use := func(point, name string, args object) {
		configs = append(configs, object{"name": name, "args": args})
		enabled[point] = append(enabled[point], name)
	}
	if a.PodLifeTime > 0 {
		use("deschedule", "PodLifeTime", object{"maxPodLifeTimeSeconds": int64(a.PodLifeTime / time.Second)})
	}
	if a.RemoveDuplicates {
		use("balance", "RemoveDuplicates", object{})
	}
	var constraints []corev1.UnsatisfiableConstraintAction
	if a.TopologySpread.DoNotSchedule {
		constraints = append(constraints, corev1.DoNotSchedule)
	}
	if a.TopologySpread.ScheduleAnyway {
		constraints = append(constraints, corev1.ScheduleAnyway)
	}
	if len(constraints) > 0 {
		use("balance", "RemovePodsViolatingTopologySpreadConstraint", object{"constraints": constraints})
	}
	if low := a.LowNodeUtilization; low != (seatrial.LowNodeUtilization{}) {
		use("balance", "LowNodeUtilization", object{"thresholds": low.Thresholds, "targetThresholds": low.Targets})
	}
	plugins := object{}
	for point, names := range enabled {
		plugins[point] = object{"enabled": names}
	}
	policy, err := json.Marshal(object{
		"apiVersion": "descheduler/v1alpha2", "kind": "DeschedulerPolicy",
		"nodeSelector": "!" + AgentsKey, // the load agents are no part of what is tried
		"profiles":     []object{{"name": "seatrial", "pluginConfig": configs, "plugins": plugins}},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the descheduler's policy: %w", err)
	}
	return policy, nil
}

// remove asks for the deletion of all objects of the run, and says which are
// still there.
func (d descheduling) remove(ctx context.Context) ([]string, error) {
	var left []string
	for _, kind := range d.kinds() {
		err := kind.delete(ctx, d.a.Job(), metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationForeground)})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("deleting %s %s: %w", kind.name, d.a.Job(), err)
		}
		left = append(left, kind.name+" "+d.a.Job())
	}
	return left, nil
}
