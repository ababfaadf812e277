/* task_group.c - tasks that somebody waits for. */
#include <errno.h>
#include "loop/task.h"
#include "loop/task_private.h"

void task_group_init(struct task_group *group)
{
    group->count = group->stuck = 0;
    list_init(&group->tasks);
    task_line_init(&group->waiters);
}

void task_group_add(struct task_group *group, struct task *task)
{
    list_append(&group->tasks, &task->group_link);
    group->count++;
}

void task_group_remove(struct task_group *group, struct task *task)
{
    list_remove(&task->group_link);
    group->stuck -= task->is_stuck;
    if (--group->count == 0)
        task_line_wake(&group->waiters, SIZE_MAX);
}

int task_group_join(struct task_group *group, int64_t timeout_ms)
{
    int r = timeout_ms == 0 ? 0 : task_ask();
    if (r < 0 || group->count == 0)
        return r;
    return task_line_wait(&group->waiters, timeout_ms);
}

void task_group_cancel(struct task_group *group)
{
    list_each (&group->tasks, link)
        task_cancel(container_of(link, struct task, group_link), -ECANCELED);
}

void task_group_report(struct task_group *group)
{
    list_each (&group->tasks, link) {
        struct task *task = container_of(link, struct task, group_link);
        if (task_cancelled(task))
            task_stuck_report(task);
    }
}

bool task_group_is_empty(const struct task_group *group)
{
    return group->count == 0;
}
