// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/assert.hpp"
#include "base/types.hpp"

namespace gimbal {

/// The link an element of an IntrusiveList<T> derives from. `Tag` lets one object stand in several lists.
template <class Tag = void>
class ListLink {
public:
    constexpr ListLink() = default;
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;
    ~ListLink() { GIMBAL_ASSERT(!is_linked()); }

    bool is_linked() const { return next_ != nullptr; }

private:
    template <class T, class U>
    friend class IntrusiveList;
    ListLink* next_{};
    ListLink* previous_{};
};

/// Doubly linked, owns nothing, allocates nothing. Not synchronised: the user's lock covers it.
template <class T, class Tag = void>
class IntrusiveList {
    using Link = ListLink<Tag>;

public:
    class Iterator {
    public:
        explicit Iterator(Link* link) : link_(link) {}
        T& operator*() const { return static_cast<T&>(*link_); }
        T* operator->() const { return static_cast<T*>(link_); }
        Iterator& operator++()
        {
            link_ = IntrusiveList::next_of(link_);
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        Link* link_;
    };

    IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
    ~IntrusiveList()
    {
        GIMBAL_ASSERT(empty());
        head_.next_ = head_.previous_ = nullptr;
    }
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;

    bool empty() const { return head_.next_ == &head_; }
    void push_back(T& element) { insert_before(head_, element); }
    void push_front(T& element) { insert_before(*head_.next_, element); }

    void remove(T& element)
    {
        Link& link = element;
        GIMBAL_ASSERT(link.is_linked());
        link.previous_->next_ = link.next_;
        link.next_->previous_ = link.previous_;
        link.next_ = link.previous_ = nullptr;
    }
    T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }
    T* back() { return empty() ? nullptr : static_cast<T*>(head_.previous_); }
    T* pop_front()
    {
        T* element = front();
        if (element != nullptr) remove(*element);
        return element;
    }
    Iterator begin() { return Iterator(head_.next_); }
    Iterator end() { return Iterator(&head_); }

private:
    static Link* next_of(Link* link) { return link->next_; }
    void insert_before(Link& position, T& element)
    {
        Link& link = element;
        GIMBAL_ASSERT(!link.is_linked());
        link.next_ = &position;
        link.previous_ = position.previous_;
        position.previous_->next_ = &link;
        position.previous_ = &link;
    }

    Link head_;
};

} // namespace gimbal
