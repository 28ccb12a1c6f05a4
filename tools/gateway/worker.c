// One list of exchanges, first come first served, and threads that take from it.
#include "worker.h"

#include <pthread.h>
#include <stdlib.h>

struct worker_pool {
    pthread_mutex_t lock;
    pthread_cond_t something; // has been added, or the end has come
    struct exchange *first, **end;
    bool is_ending;
    unsigned count;
    pthread_t threads[];
};

static struct exchange *take(struct worker_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->is_ending)
        pthread_cond_wait(&pool->something, &pool->lock);
    struct exchange *exchange = pool->first;
    if (exchange != NULL)
        pool->first = *exchange_next(exchange);
    if (pool->first == NULL)
        pool->end = &pool->first;
    pthread_mutex_unlock(&pool->lock);
    return exchange;
}

static void *run(void *context)
{
    struct exchange *exchange;
    while ((exchange = take(context)) != NULL)
        exchange_run(exchange);
    return NULL;
}

void worker_add(void *context, struct exchange *exchange)
{
    struct worker_pool *pool = context;
    *exchange_next(exchange) = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->end = exchange;
    pool->end = exchange_next(exchange);
    pthread_cond_signal(&pool->something);
    pthread_mutex_unlock(&pool->lock);
}

struct worker_pool *worker_start(unsigned count)
{
    struct worker_pool *pool = calloc(1, sizeof *pool + count * sizeof pool->threads[0]);
    if (pool == NULL)
        return NULL;
    pool->end = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->something, NULL);
    while (pool->count < count && pthread_create(&pool->threads[pool->count], NULL, run, pool) == 0)
        pool->count++;
    if (pool->count == count)
        return pool;
    worker_stop(pool);
    return NULL;
}

void worker_stop(struct worker_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->something);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->something);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
