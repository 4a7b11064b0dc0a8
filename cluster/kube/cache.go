package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	toolscache "k8s.io/client-go/tools/cache"
)

// cache is what the watches have seen of the cluster. They reconnect by
// themselves, however long the API server is away.
type cache struct {
	factory informers.SharedInformerFactory
	end     context.CancelFunc
}

// openCache starts the watches and returns once each has seen all that there
// is. seen is told of every change, one kind at a time in order, after the
// cache holds it.
func openCache(ctx context.Context, client kubernetes.Interface, log func(string, ...any), seen func(obj any, deleted bool)) (*cache, error) {
	running, end := context.WithCancel(withLog(context.WithoutCancel(ctx), log))
	c := &cache{end: end, factory: informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTransform(slim))}
	syncing, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	trouble := &trouble{log: log, giveUp: giveUp}
	var synced []toolscache.DoneChecker
	for _, informer := range c.informers() {
		handle, err := register(informer, trouble, seen)
		if err != nil {
			end()
			return nil, err
		}
		synced = append(synced, handle.HasSyncedChecker())
	}
	c.factory.StartWithContext(running)
	if !toolscache.WaitFor(syncing, "", synced...) {
		c.close()
		return nil, trouble.because(context.Cause(syncing))
	}
	return c, nil
}

// informers are all kinds that are watched.
func (c *cache) informers() []toolscache.SharedIndexInformer {
	core, apps, batch := c.factory.Core().V1(), c.factory.Apps().V1(), c.factory.Batch().V1()
	return []toolscache.SharedIndexInformer{
		core.Nodes().Informer(), core.Pods().Informer(), apps.Deployments().Informer(),
		apps.ReplicaSets().Informer(), apps.StatefulSets().Informer(), apps.DaemonSets().Informer(),
		batch.Jobs().Informer(), c.factory.InformerFor(&corev1.Event{}, warningEvents),
	}
}

// warningEvents watches the Kubernetes Events of type Warning; the others are
// many and say nothing that the watched objects do not.
func warningEvents(client kubernetes.Interface, _ time.Duration) toolscache.SharedIndexInformer {
	return coreinformers.NewFilteredEventInformer(client, metav1.NamespaceAll, 0, toolscache.Indexers{},
		func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("type", corev1.EventTypeWarning).String()
		})
}

func register(informer toolscache.SharedIndexInformer, t *trouble, seen func(obj any, deleted bool)) (toolscache.ResourceEventHandlerRegistration, error) {
	if err := informer.SetWatchErrorHandlerWithContext(t.handle); err != nil {
		return nil, fmt.Errorf("preparing a watch: %w", err)
	}
	handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { seen(obj, false) },
		UpdateFunc: func(_, obj any) { seen(obj, false) },
		DeleteFunc: func(obj any) {
			if last, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
				obj = last.Obj // its deletion was missed while the watch was broken
			}
			seen(obj, true)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("preparing a watch: %w", err)
	}
	return handle, nil
}

// close ends the watches and waits for them.
func (c *cache) close() {
	c.end()
	c.factory.Shutdown()
}

// slim leaves out who set which field, half of an object's size.
func slim(obj any) (any, error) {
	if accessor, err := meta.Accessor(obj); err == nil {
		accessor.SetManagedFields(nil)
	}
	return obj, nil // a tombstone has no metadata, and stays
}

// trouble is what broke the watches last. They break together, so it logs one
// line for all of them, and one now and then while it lasts.
type trouble struct {
	log    func(string, ...any)
	giveUp context.CancelCauseFunc

	mu     sync.Mutex
	last   error
	logged time.Time
}

// handle takes the error of one watch; client-go tries again after it.
func (t *trouble) handle(_ context.Context, r *toolscache.Reflector, err error) {
	const pause = 30 * time.Second // between lines
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return // ordinary ends of a watch
	}
	err = fmt.Errorf("watching %s: %w", r.TypeDescription(), err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = err
	if time.Since(t.logged) >= pause {
		t.logged = time.Now()
		t.log("%v; trying again", err)
	}
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		// No use waiting: the cluster has answered just before. Without effect
		// once the start is over; an API server that restarts refuses for a while.
		t.giveUp(err)
	}
}

// because adds what broke the watches to the reason why a start ended.
func (t *trouble) because(cause error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || errors.Is(cause, t.last) {
		return cause
	}
	return fmt.Errorf("%w: %w", cause, t.last)
}

// state is the cluster at one moment, in no order.
type state struct {
	nodes        []*corev1.Node
	pods         []*corev1.Pod
	deployments  []*appsv1.Deployment
	replicaSets  []*appsv1.ReplicaSet
	statefulSets []*appsv1.StatefulSet
	daemonSets   []*appsv1.DaemonSet
	jobs         []*batchv1.Job
}

// state is what the watches have seen. Its objects must not be changed.
func (c *cache) state() state {
	apps := c.factory.Apps().V1()
	return state{
		nodes:        c.nodes(),
		pods:         c.pods(),
		deployments:  all[*appsv1.Deployment](apps.Deployments().Informer()),
		replicaSets:  all[*appsv1.ReplicaSet](apps.ReplicaSets().Informer()),
		statefulSets: all[*appsv1.StatefulSet](apps.StatefulSets().Informer()),
		daemonSets:   all[*appsv1.DaemonSet](apps.DaemonSets().Informer()),
		jobs:         all[*batchv1.Job](c.factory.Batch().V1().Jobs().Informer()),
	}
}

func (c *cache) nodes() []*corev1.Node {
	return all[*corev1.Node](c.factory.Core().V1().Nodes().Informer())
}

func (c *cache) pods() []*corev1.Pod {
	return all[*corev1.Pod](c.factory.Core().V1().Pods().Informer())
}

// pod is the pod of that name as last seen; nil where there is none.
func (c *cache) pod(namespace, name string) *corev1.Pod {
	key := toolscache.NewObjectName(namespace, name).String()
	found, exists, err := c.factory.Core().V1().Pods().Informer().GetStore().GetByKey(key)
	if err != nil || !exists { // memory has no errors
		return nil
	}
	return found.(*corev1.Pod)
}

func all[O any](informer toolscache.SharedIndexInformer) []O {
	stored := informer.GetStore().List()
	objects := make([]O, 0, len(stored))
	for _, o := range stored {
		objects = append(objects, o.(O))
	}
	return objects
}

// byName orders objects by namespace and name.
func byName[O metav1.Object](a, b O) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}
